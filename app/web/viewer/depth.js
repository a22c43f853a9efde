/** Which Gaussian lies behind which: depths of the bound centres, and a counting sort. */

const KEYS = 65536;

/** Depths and order of one avatar's Gaussians; reuses its memory. */
export class DepthSort {
  /** @param {ArrayLike<number>} triangles 3 vertices each @param {Float32Array} restArea per triangle
   * @param {ArrayLike<number>} triangle per Gaussian @param {ArrayLike<number>} bary 2 of 65535 per Gaussian */
  constructor(triangles, restArea, triangle, bary) {
    this.triangles = triangles;
    this.restArea = restArea;
    this.triangle = triangle;
    this.bary = Float32Array.from(bary, (b) => b / 65535);
    this.frames = new Float32Array(6 * restArea.length);
    this.depths = new Float32Array(triangle.length);
    this.keys = new Uint16Array(triangle.length);
    this.counts = new Uint32Array(KEYS + 1);
  }

  /** Per triangle: depth of its first corner, of both edges and of its frame's axes times its growth.
   * @param {Float32Array} v posed vertices, 4 each @param {number[]} row x, y, z and constant of the depth */
  #project(v, [rx, ry, rz, rc]) {
    const { triangles, restArea, frames } = this;
    for (let t = 0, at = 0; t < restArea.length; t++, at += 6) {
      const [a, b, c] = [4 * triangles[3 * t], 4 * triangles[3 * t + 1], 4 * triangles[3 * t + 2]];
      let [ux, uy, uz] = [v[b] - v[a], v[b + 1] - v[a + 1], v[b + 2] - v[a + 2]];
      const [vx, vy, vz] = [v[c] - v[a], v[c + 1] - v[a + 1], v[c + 2] - v[a + 2]];
      let [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      const area = Math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-20;
      const growth = restArea[t] > 0 ? Math.min(Math.max(Math.sqrt(area / restArea[t]), 0.5), 2) : 2;
      frames[at] = rx * v[a] + ry * v[a + 1] + rz * v[a + 2] + rc;
      frames[at + 1] = rx * ux + ry * uy + rz * uz;
      frames[at + 2] = rx * vx + ry * vy + rz * vz;
      const unit = 1 / (Math.sqrt(ux * ux + uy * uy + uz * uz) + 1e-20);
      [ux, uy, uz, nx, ny, nz] = [ux * unit, uy * unit, uz * unit, nx / area, ny / area, nz / area];
      const [wx, wy, wz] = [ny * uz - nz * uy, nz * ux - nx * uz, nx * uy - ny * ux];
      frames[at + 3] = growth * (rx * ux + ry * uy + rz * uz);
      frames[at + 4] = growth * (rx * wx + ry * wy + rz * wz);
      frames[at + 5] = growth * (rx * nx + ry * ny + rz * nz);
    }
  }

  /**
   * Fill `order` with the Gaussians of `shown`, farthest first.
   * @param {Float32Array} vertices @param {number[]} row @param {Float32Array} offsets 4 per Gaussian
   * @param {Uint32Array} shown @param {Uint32Array} order at least as long
   */
  sort(vertices, row, offsets, shown, order) {
    this.#project(vertices, row);
    const { frames, depths, keys, counts, bary, triangle } = this;
    let [nearest, farthest] = [Infinity, -Infinity];
    for (let k = 0; k < shown.length; k++) {
      const i = shown[k];
      const f = 6 * triangle[i];
      const o = 4 * i;
      const z = frames[f] + bary[2 * i] * frames[f + 1] + bary[2 * i + 1] * frames[f + 2] +
        offsets[o] * frames[f + 3] + offsets[o + 1] * frames[f + 4] + offsets[o + 2] * frames[f + 5];
      depths[k] = z;
      if (z < nearest) nearest = z;
      if (z > farthest) farthest = z;
    }
    const scale = (KEYS - 1) / Math.max(farthest - nearest, 1e-9);
    counts.fill(0);
    for (let k = 0; k < shown.length; k++) {
      keys[k] = (farthest - depths[k]) * scale;
      counts[keys[k] + 1]++;
    }
    for (let key = 1; key <= KEYS; key++) counts[key] += counts[key - 1];
    // From the last: of equally deep ones the engine draws the first in front.
    for (let k = shown.length - 1; k >= 0; k--) order[counts[keys[k]]++] = shown[k];
  }
}
