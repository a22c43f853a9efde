/**
 * Looks: per category a code, its network's coefficients, and the sum of bases that they weigh.
 * The same function as perse_engine/avatar/avatar.py (bake) and latent.py; docs/reference/avatar.md has the formula.
 */

import { Block } from "./bundle.js";

/** @typedef {import("./types.js").Look} Look */

const CODE_SIZE = 32;
const TYPICAL_LENGTH = 0.5 * Math.sqrt(CODE_SIZE);
/** Categories from the lowest to the topmost: what lies over others covers them. */
const LAYERS = "skin nose mouth eyebrows beard cloth hair earrings eyeglasses hat headphones".split(" ");
/** Sum of weights from which portions of a mix add up to 1. */
const WHOLE_FROM = 0.1;
/** Smaller coefficients are the rounding of 0. */
const NO_COEFFICIENT = 1e-4;
/** Less revealed skin is none. */
const LEAST_REVEALED = 0.02;
/** Numbers of an affine map of colours. */
const TONE = 12;

const silu = (/** @type {number} */ x) => x / (1 + Math.exp(-x));
const length = (/** @type {ArrayLike<number>} */ z) => Math.hypot(...Array.from(z));
/** Of a row of a matrix and a vector. @param {ArrayLike<number>} matrix @param {Float64Array} by @param {number} row */
const product = (matrix, by, row) => {
  let sum = 0;
  for (let j = 0; j < CODE_SIZE; j++) sum += matrix[row * CODE_SIZE + j] * by[j];
  return sum;
};

/** Property changes of rows of Gaussians: the part that categories and added variants have in common. */
class Changes {
  /** @param {Block} block */
  constructor(block) {
    this.rows = block.raw("rows");
    /** What each variant hides of what lies below, row after row; of older bundles one for all, of every Gaussian. */
    this.covers = block.has("cover")
      ? Float32Array.from(block.raw("cover"), (v) => (v / 255) ** 2)
      : Float32Array.from(block.raw("change"), (v) => (v / 255) ** 4);
    this.isOfRows = block.has("cover") || this.covers.length === this.rows.length;
    this.offset = { steps: block.raw("offset"), scale: block.scale("offset"), width: 3 };
    this.others = { steps: block.raw("others"), scale: block.scale("others"), width: 11 };
  }
}

/** One category whose block is here. */
export class Category extends Changes {
  /** @param {Block} block @param {string[]} variants @param {number} bends at how many weights ways may bend */
  constructor(block, variants, bends) {
    super(block);
    this.variants = variants;
    this.codes = block.raw("codes");
    this.linear = block.raw("network_linear");
    this.hidden = block.raw("network_hidden_weight");
    this.bias = block.raw("network_hidden_bias");
    this.output = block.raw("network_output");
    this.coefficients = this.linear.length / CODE_SIZE;
    const bases = this.rows.length ? this.offset.steps.length / (3 * this.rows.length) : this.coefficients;
    /** Of how many variants the portions of a mix, and bows, are coefficients too. */
    this.shared = (bases - this.coefficients) / (1 + bends);
    this.bends = Array.from({ length: bends }, (_, k) => k + 1);
    /** How much each variant shows as skin that the source does not, row after row, 0..255. */
    this.reveals = block.has("reveals") ? block.raw("reveals") : null;
    /** Of skin: what each variant makes of bare skin, [variants][3][4]. */
    this.tones = block.has("tones") ? block.raw("tones") : null;
  }

  /** How much of each of its first variants is in a code. @param {Float64Array} z @param {number} variants */
  weights(z, variants) {
    return Array.from({ length: variants }, (_, k) => Math.max(0, product(this.linear, z, k)));
  }

  /** @param {Look[string]} entry @returns {Float64Array} */
  code(entry) {
    if (Array.isArray(entry.code)) return Float64Array.from(entry.code);
    const z = new Float64Array(CODE_SIZE);
    for (const [id, weight] of Object.entries(entry)) {
      const k = this.variants.indexOf(id);
      for (let i = 0; k >= 0 && i < CODE_SIZE; i++) z[i] += Number(weight) * this.codes[k * CODE_SIZE + i];
    }
    return z;
  }

  /** What lies below a code's look and is hidden, per Gaussian. @param {Float64Array} z @param {number} count */
  cover(z, count) {
    if (!this.isOfRows) return this.covers.slice();
    const n = this.rows.length;
    const out = new Float32Array(count);
    const variants = n ? this.covers.length / n : 0;
    const weights = this.weights(z, variants);
    const whole = Math.max(weights.reduce((sum, w) => sum + w, 0), WHOLE_FROM);
    const portions = variants === 1 ? [1] : weights.map((w) => w / whole);
    const rest = 1 - portions.reduce((sum, p) => sum + p, 0);
    for (let i = 0; i < n; i++) {
      let mean = 0;
      let largest = 0;
      for (let k = 0; k < variants; k++) {
        const one = this.covers[k * n + i];
        mean += portions[k] * one;
        largest = Math.max(largest, one);
      }
      out[this.rows[i]] = mean + rest * largest;
    }
    return out;
  }

  /** h(z) - h(0). @param {Float64Array} z @returns {number[]} */
  network(z) {
    const change = new Float64Array(CODE_SIZE);
    for (let i = 0; i < CODE_SIZE; i++) {
      let before = this.bias[i];
      for (let j = 0; j < CODE_SIZE; j++) before += this.hidden[i * CODE_SIZE + j] * z[j];
      change[i] = silu(before) - silu(this.bias[i]);
    }
    const straight = Array.from({ length: this.coefficients }, (_, k) => product(this.linear, z, k));
    const weights = straight.slice(0, this.shared).map((w) => Math.max(w, 0));
    const worn = weights.reduce((sum, w) => sum + w, 0);
    const portions = weights.map((w) => w / Math.max(worn, WHOLE_FROM));
    const along = (this.bends.length + 1) * worn;
    const bows = this.bends.flatMap((k) => portions.map((p) => p * Math.max(1 - Math.abs(along - k), 0)));
    const plain = straight.map((s, k) => s + product(this.output, change, k));
    return [...plain, ...portions, ...bows];
  }
}

/** A variant that was added after training. */
export class Added extends Changes {
  /** @param {Block} block @param {string} category @param {string} variant */
  constructor(block, category, variant) {
    super(block);
    this.category = category;
    this.variant = variant;
  }

  /** @param {number} weight @returns {number[]} */
  static gates(weight) {
    if (weight === 0 || weight === 1) return [weight, 0, 0, 0];
    return [weight, ...[1, 2, 3].map((r) => Math.sin(r * Math.PI * weight))];
  }
}

/** Whether a look changes a category at all. @param {Look[string]} entry */
export function isOn(entry) {
  return Array.isArray(entry.code) || Object.values(entry).some((w) => Number(w) > 0);
}

/**
 * How much of all but the offset each category that is on may set, per Gaussian: what those above it leave; null: all.
 * @param {{name: string, force: number, cover: Float32Array}[]} on @param {number} count
 * @returns {(Float32Array | null)[]}
 */
function sharing(on, count) {
  const layer = on.map(({ name }) => LAYERS.indexOf(name));
  return on.map((_, lower) => {
    const above = on.filter((_, k) => layer[k] > layer[lower]);
    if (!above.length) return null;
    const left = new Float32Array(count).fill(1);
    for (const { force, cover } of above) {
      const strength = Math.min(1, force);
      for (let i = 0; i < count; i++) left[i] *= 1 - strength * cover[i];
    }
    return left;
  });
}

/**
 * Add changes to properties in the GPU's layout: four layers of [count][4]: offset and opacity, rotation, scale, colour.
 * @param {Float32Array} x @param {number} stride numbers per layer @param {Changes} changes
 * @param {number[]} coefficients @param {Float32Array | null} share
 */
function addChanges(x, stride, changes, coefficients, share) {
  const { rows, offset, others } = changes;
  const n = rows.length;
  coefficients.forEach((c, k) => {
    if (Math.abs(c) <= NO_COEFFICIENT) return;
    const so = offset.scale.slice(3 * k, 3 * k + 3).map((s) => s * c);
    const st = others.scale.slice(11 * k, 11 * k + 11).map((s) => s * c);
    let a = k * n * 3;
    let b = k * n * 11;
    for (let i = 0; i < n; i++, a += 3, b += 11) {
      const at = 4 * rows[i];
      const part = share ? share[rows[i]] : 1;
      for (let j = 0; j < 3; j++) {
        x[at + j] += so[j] * offset.steps[a + j];
        x[2 * stride + at + j] += part * st[4 + j] * others.steps[b + 4 + j];
        x[3 * stride + at + j] += part * st[8 + j] * others.steps[b + 8 + j];
      }
      for (let j = 0; j < 4; j++) x[stride + at + j] += part * st[j] * others.steps[b + j];
      x[at + 3] += part * st[7] * others.steps[b + 7];
    }
  });
}

/**
 * Skin that a look reveals takes the tone of skin; the same as perse_engine/avatar/revealed.py.
 * @param {Float32Array} x @param {number} stride @param {{name: string, category: Category, code: Float64Array}[]} on
 */
function addRevealed(x, stride, on) {
  const skin = on.find(({ name }) => name === "skin");
  const tones = skin?.category.tones;
  if (!skin || !tones) return;
  const tone = new Float64Array(TONE);
  skin.category.weights(skin.code, tones.length / TONE).forEach((w, k) => {
    for (let j = 0; j < TONE; j++) tone[j] += w * tones[k * TONE + j];
  });
  for (const { category, code } of on) {
    const { reveals, rows } = category;
    const n = rows.length;
    if (!reveals || !n) continue;
    const weights = category.weights(code, reveals.length / n);
    for (let i = 0; i < n; i++) {
      const amount = Math.min(1, weights.reduce((sum, w, k) => sum + (w * reveals[k * n + i]) / 255, 0));
      if (amount <= LEAST_REVEALED) continue;
      const at = 3 * stride + 4 * rows[i];
      const [r, g, b] = [x[at], x[at + 1], x[at + 2]];
      for (let j = 0; j < 3; j++) {
        const [by_r, by_g, by_b, shift] = tone.subarray(4 * j, 4 * j + 4);
        x[at + j] += amount * (by_r * r + by_g * g + by_b * b + shift);
      }
    }
  }
}

/**
 * Evaluate a look into `x`, which holds the base.
 * @param {Float32Array} x @param {number} stride @param {number} count Gaussians @param {Look} look
 * @param {Map<string, Category>} categories @param {Added[]} added those whose blocks are here
 */
export function bake(x, stride, count, look, categories, added) {
  const on = [];
  for (const [name, category] of categories) {
    const entry = look[name];
    if (!entry || !isOn(entry)) continue;
    const code = category.code(entry);
    const weights = /** @type {Record<string, number>} */ (entry);
    const worn = added.filter((a) => a.category === name && Number(weights[a.variant] ?? 0) > 0);
    const cover = category.cover(code, count);
    for (const one of worn) {
      one.rows.forEach((row, i) => (cover[row] = Math.max(cover[row], weights[one.variant] * one.covers[i])));
    }
    const wornWeight = worn.reduce((sum, one) => sum + weights[one.variant], 0);
    on.push({ name, category, code, worn, weights, cover, force: Math.max(length(code) / TYPICAL_LENGTH, wornWeight) });
  }
  const shares = sharing(on, count);
  on.forEach(({ category, code }, k) => addChanges(x, stride, category, category.network(code), shares[k]));
  on.forEach(({ worn, weights }, k) => {
    for (const one of worn) addChanges(x, stride, one, Added.gates(weights[one.variant]), shares[k]);
  });
  addRevealed(x, stride, on);
}
