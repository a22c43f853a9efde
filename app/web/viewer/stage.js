/** The avatar in a moment: everything between a state and what the GPU draws. Runs in the worker; knows no GL. */

import { Block, Bundle } from "./bundle.js";
import { DepthSort } from "./depth.js";
import { Added, bake, Category, isOn } from "./look.js";
import { Rig } from "./rig.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Still} Still */

export const WIDTH = 1024;
const VISIBLE = 1 / 255;

/** Numbers of one layer of a texture of WIDTH that holds `count` texels. @param {number} count */
export const layerSize = (count) => 4 * WIDTH * Math.ceil(count / WIDTH);

export class Stage {
  /** @param {Bundle} bundle @param {Block} block the base */
  constructor(bundle, block) {
    const base = bundle.description.base;
    this.bundle = bundle;
    this.count = base.gaussians;
    this.rig = new Rig(block, base);
    this.drivers = base.drivers;
    this.triangle = block.raw("triangle");
    this.triangles = block.raw("triangles");
    this.bary = block.raw("bary");
    this.restArea = /** @type {Float32Array} */ (block.raw("rest_area"));
    this.sorter = new DepthSort(this.triangles, this.restArea, this.triangle, this.bary);
    this.rows = block.raw("expression_rows");
    this.steps = block.raw("expression");
    this.scale = block.scale("expression");
    this.stride = layerSize(this.count);
    this.base = this.#baseProperties(block);
    this.offsets = new Float32Array(4 * this.count);
    /** @type {Map<string, Category>} */
    this.categories = new Map();
    /** @type {Added[]} */
    this.added = [];
    /** @type {Map<object, Promise<void>>} blocks that were asked for */
    this.asked = new Map();
    this.lookKey = "";
    this.properties = this.base;
    this.shown = this.#visible();
  }

  /** @param {Block} block */
  #baseProperties(block) {
    const x = new Float32Array(4 * this.stride);
    const place = (/** @type {string} */ name, /** @type {number} */ layer, channel = 0) => {
      const values = block.values(name);
      const width = values.length / this.count;
      for (let i = 0; i < values.length; i++) {
        x[layer * this.stride + 4 * Math.floor(i / width) + channel + (i % width)] = values[i];
      }
    };
    place("offset", 0);
    place("opacity", 0, 3);
    place("quat", 1);
    place("log_scale", 2);
    place("colour", 3);
    for (let i = 0; i < this.count; i++) {
      x[2 * this.stride + 4 * i + 3] = -1;
      x[3 * this.stride + 4 * i + 3] = this.restArea[this.triangle[i]];
    }
    this.rows.forEach((row, k) => (x[2 * this.stride + 4 * row + 3] = k));
    return x;
  }

  /** What no frame changes. @returns {Still} */
  still() {
    const binding = new Uint32Array(this.stride);
    for (let i = 0; i < this.count; i++) {
      const t = 3 * this.triangle[i];
      for (let j = 0; j < 3; j++) binding[4 * i + j] = this.triangles[t + j];
      binding[4 * i + 3] = this.bary[2 * i] | (this.bary[2 * i + 1] << 16);
    }
    const [n, layer] = [this.rows.length, layerSize(this.rows.length)];
    const expression = new Int8Array(2 * this.drivers.length * layer);
    for (let e = 0; e < this.drivers.length; e++) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < 7; j++) {
          expression[(2 * e + (j >> 2)) * layer + 4 * i + (j & 3)] = this.steps[(e * n + i) * 7 + j];
        }
      }
    }
    const antialiased = this.bundle.description.raster_mode === "antialiased";
    const sizes = { count: this.count, rows: n, drivers: this.drivers.length, vertices: this.rig.count };
    return { ...sizes, antialiased, binding, expression };
  }

  /** Gaussians that any expression can show in the look. */
  #visible() {
    const out = [];
    for (let i = 0; i < this.count; i++) {
      const is_expressive = this.base[2 * this.stride + 4 * i + 3] >= 0;
      if (is_expressive || this.properties[4 * i + 3] >= VISIBLE) out.push(i);
    }
    return Uint32Array.from(out);
  }

  /** Blocks that a look needs and that are not here. @param {import("./types.js").Look} look */
  missing(look) {
    const { categories, added } = this.bundle.description;
    const on = (/** @type {string} */ name) => look[name] && isOn(look[name]);
    return [
      ...categories.filter((c) => on(c.name) && !this.categories.has(c.name)),
      ...added.filter(
        (a) => on(a.category) && a.variant in look[a.category] && !this.added.some((o) => o.variant === a.variant && o.category === a.category),
      ),
    ];
  }

  /** Fetch a block, once. @param {import("./types.js").CategoryEntry | import("./types.js").AddedEntry} entry */
  load(entry) {
    const known = this.asked.get(entry);
    if (known) return known;
    const loading = this.bundle.block(entry).then(
      (block) => {
        if ("name" in entry) this.categories.set(entry.name, new Category(block, entry.variants, entry.bends ?? 1));
        else this.added.push(new Added(block, entry.category, entry.variant));
        this.lookKey = "";
      },
      (error) => {
        this.asked.delete(entry);
        throw error;
      },
    );
    this.asked.set(entry, loading);
    return loading;
  }

  /** @param {import("./types.js").Look} look @returns {Float32Array | null} properties when they changed */
  #bake(look) {
    const key = JSON.stringify(look);
    if (key === this.lookKey) return null;
    const x = this.base.slice();
    bake(x, this.stride, this.count, look, this.categories, this.added);
    this.lookKey = key;
    this.properties = x;
    this.shown = this.#visible();
    return x.slice();
  }

  /** The drivers' values. @param {Record<string, number>} expression */
  #driverValues(expression) {
    return this.drivers.map(({ expressions, low, high }) => {
      const x = Object.entries(expressions).reduce((sum, [name, k]) => sum + k * (expression[name] ?? 0), 0);
      const t = Math.min(Math.max((x - low) / (high - low), 0), 1);
      return t * t * (3 - 2 * t);
    });
  }

  /**
   * Evaluate a state. `row`: x, y, z and constant of the depth.
   * @param {number} id @param {State} state @param {number[]} row @returns {Frame}
   */
  frame(id, state, row) {
    const began = performance.now();
    const properties = this.#bake(state.look);
    const vertices = new Float32Array(layerSize(this.rig.count));
    this.rig.pose(state.pose, state.expression, vertices);
    const values = this.#driverValues(state.expression);
    const offsets = this.offsets;
    offsets.set(this.properties.subarray(0, offsets.length));
    const n = this.rows.length;
    const drivers = new Float32Array(8 * values.length);
    values.forEach((value, e) => {
      if (!value) return;
      const scale = this.scale.slice(7 * e, 7 * e + 7).map((s) => s * value);
      // The GPU reads the steps as -1..1.
      scale.forEach((s, j) => (drivers[8 * e + j] = 127 * s));
      for (let i = 0, at = e * n * 7; i < n; i++, at += 7) {
        const o = 4 * this.rows[i];
        for (let j = 0; j < 3; j++) offsets[o + j] += scale[j] * this.steps[at + j];
      }
    });
    const order = new Uint32Array(layerSize(this.shown.length) / 4);
    const sorting = performance.now();
    this.sorter.sort(vertices, row, offsets, this.shown, order);
    const sort_ms = performance.now() - sorting;
    const is_pending = this.missing(state.look).length > 0;
    const work_ms = performance.now() - began;
    return { id, vertices, order, drawn: this.shown.length, drivers, properties, is_pending, work_ms, sort_ms };
  }
}
