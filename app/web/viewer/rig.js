/** The rig: blendshapes, then linear blend skinning with four bones; the same function as perse_engine/head/rig.py. */

import { Block } from "./bundle.js";

/** @typedef {import("./types.js").PoseState} PoseState */
/** @typedef {import("./types.js").BaseEntry} BaseEntry */

const EYE_LOOK_MAX_DEG = [35, 25];
const LID_RANGE_DEG = 25;
const RADIANS = Math.PI / 180;

/** R = Ry(yaw) Rx(-pitch) Rz(roll), row-major. @param {number} yaw @param {number} pitch @param {number} roll */
export function rotation(yaw, pitch, roll) {
  const [y, p, r] = [yaw * RADIANS, -pitch * RADIANS, roll * RADIANS];
  const [cy, sy, cp, sp, cr, sr] = [Math.cos(y), Math.sin(y), Math.cos(p), Math.sin(p), Math.cos(r), Math.sin(r)];
  return [
    cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp,
    cp * sr, cp * cr, -sp,
    cy * sp * sr - sy * cr, sy * sr + cy * sp * cr, cy * cp,
  ];
}

/** Affine [12], row-major 3 x 4, that turns about a point. @param {number[]} r @param {number[]} pivot */
function about(r, pivot) {
  const out = new Float64Array(12);
  for (let i = 0; i < 3; i++) {
    out.set(r.slice(3 * i, 3 * i + 3), 4 * i);
    out[4 * i + 3] = pivot[i] - r[3 * i] * pivot[0] - r[3 * i + 1] * pivot[1] - r[3 * i + 2] * pivot[2];
  }
  return out;
}

/** a after b, both affine [12]. @param {Float64Array} a @param {Float64Array} b */
function after(a, b) {
  const out = new Float64Array(12);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 4; j++) {
      out[4 * i + j] = a[4 * i] * b[j] + a[4 * i + 1] * b[4 + j] + a[4 * i + 2] * b[8 + j] + (j === 3 ? a[4 * i + 3] : 0);
    }
  }
  return out;
}

/** How the eyeLook* weights turn an eye: [yaw, pitch]. @param {Record<string, number>} e @param {"Left" | "Right"} side */
function eyeLook(e, side) {
  const w = (/** @type {string} */ name) => e[`eyeLook${name}${side}`] ?? 0;
  const towardsLeft = side === "Left" ? w("Out") - w("In") : w("In") - w("Out");
  return [EYE_LOOK_MAX_DEG[0] * towardsLeft, EYE_LOOK_MAX_DEG[1] * (w("Up") - w("Down"))];
}

/** The rig of one avatar, with what it needs to pose its vertices. */
export class Rig {
  /** @param {Block} block @param {BaseEntry} base */
  constructor(block, base) {
    this.rest = /** @type {Float32Array} */ (block.raw("vertices"));
    this.count = this.rest.length / 3;
    this.boneWeights = Float32Array.from(block.raw("bone_weights"), (w) => w / 65535);
    for (let v = 0; v < this.boneWeights.length; v += 4) {
      const w = this.boneWeights.subarray(v, v + 4);
      const sum = w[0] + w[1] + w[2] + w[3];
      for (let b = 0; b < 4; b++) w[b] /= sum;
    }
    this.pivots = base.bone_pivots;
    this.names = base.shapes.map((s) => s.name);
    const rows = block.raw("shape_rows");
    const steps = block.raw("shapes");
    const scale = block.scale("shapes");
    let at = 0;
    this.shapes = base.shapes.map((shape, k) => {
      const own = { rows: rows.subarray(at, at + shape.rows), steps: steps.subarray(3 * at, 3 * (at + shape.rows)) };
      at += shape.rows;
      return { ...own, scale: scale.slice(3 * k, 3 * k + 3) };
    });
    this.blended = new Float32Array(this.rest.length);
  }

  /** Weights of the shapes: the expression's, but lids follow where the eyes look.
   * @param {PoseState} pose @param {Record<string, number>} expression */
  weights(pose, expression) {
    return this.names.map((name) => {
      const lid = /^eyeLook(Up|Down)(Left|Right)$/.exec(name);
      if (!lid) return expression[name] ?? 0;
      const up = (pose.gaze.pitch_deg + eyeLook(expression, /** @type {"Left"} */ (lid[2]))[1]) / LID_RANGE_DEG;
      return Math.min(Math.max(lid[1] === "Up" ? up : -up, 0), 1);
    });
  }

  /** Affine of torso, head, right eye, left eye. @param {PoseState} pose @param {Record<string, number>} expression */
  bones(pose, expression) {
    const head = about(rotation(pose.yaw_deg, pose.pitch_deg, pose.roll_deg), this.pivots[1]);
    const eye = (/** @type {"Left" | "Right"} */ side, /** @type {number} */ bone) => {
      const [yaw, pitch] = eyeLook(expression, side);
      return after(head, about(rotation(pose.gaze.yaw_deg + yaw, pose.gaze.pitch_deg + pitch, 0), this.pivots[bone]));
    };
    return [about(rotation(0, 0, 0), [0, 0, 0]), head, eye("Right", 2), eye("Left", 3)];
  }

  /** Posed vertices, 4 numbers each. @param {PoseState} pose @param {Record<string, number>} expression
   * @param {Float32Array} out */
  pose(pose, expression, out) {
    const x = this.blended;
    x.set(this.rest);
    this.weights(pose, expression).forEach((weight, k) => {
      if (!weight) return;
      const { rows, steps, scale } = this.shapes[k];
      const [sx, sy, sz] = scale.map((s) => s * weight);
      for (let i = 0, j = 0; i < rows.length; i++, j += 3) {
        const at = 3 * rows[i];
        x[at] += sx * steps[j];
        x[at + 1] += sy * steps[j + 1];
        x[at + 2] += sz * steps[j + 2];
      }
    });
    const bones = this.bones(pose, expression);
    const w = this.boneWeights;
    const m = new Float64Array(12);
    for (let v = 0; v < this.count; v++) {
      m.fill(0);
      for (let b = 0; b < 4; b++) {
        const weight = w[4 * v + b];
        if (!weight) continue;
        const bone = bones[b];
        for (let k = 0; k < 12; k++) m[k] += weight * bone[k];
      }
      const [px, py, pz] = [x[3 * v], x[3 * v + 1], x[3 * v + 2]];
      out[4 * v] = m[0] * px + m[1] * py + m[2] * pz + m[3];
      out[4 * v + 1] = m[4] * px + m[5] * py + m[6] * pz + m[7];
      out[4 * v + 2] = m[8] * px + m[9] * py + m[10] * pz + m[11];
    }
  }
}
