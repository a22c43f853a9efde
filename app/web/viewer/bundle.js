/** Reads bundle.glb (docs/reference/bundle.md): JSON first, then block after block as they are asked for. */

import { Source } from "./source.js";

/** @typedef {import("./types.js").Description} Description */
/** @typedef {import("./types.js").BlockEntry} BlockEntry */

const FIRST_BYTES = 65536;
/** 2: ways bend at more than one weight; 3: each variant has a cover; 4: skin that a look reveals takes the tone of skin. */
const VERSIONS = [1, 2, 3, 4];
const EXTENSION = "PERSE_avatar";
const ARRAYS = {
  i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array,
};

/** The arrays of one block. */
export class Block {
  /** @param {ArrayBuffer} bytes @param {BlockEntry} entry */
  constructor(bytes, entry) {
    this.bytes = bytes;
    this.entry = entry;
  }

  /** @param {string} name */
  has(name) {
    return name in this.entry.arrays;
  }

  /** An array as stored; flat. @param {string} name */
  raw(name) {
    const { at, type, shape } = this.entry.arrays[name];
    const kind = ARRAYS[/** @type {keyof typeof ARRAYS} */ (type)];
    return new kind(this.bytes, at, shape.reduce((a, b) => a * b, 1));
  }

  /** @param {string} name @returns {number[]} */
  shape(name) {
    return this.entry.arrays[name].shape;
  }

  /** The scales of an array, flat. @param {string} name @returns {number[]} */
  scale(name) {
    return this.entry.arrays[name].scale ?? [1];
  }

  /** An array times its scale per column. @param {string} name @returns {Float32Array} */
  values(name) {
    const stored = this.raw(name);
    const scale = this.scale(name);
    return Float32Array.from(stored, (v, i) => v * scale[i % scale.length]);
  }
}

/** A bundle whose JSON is here. */
export class Bundle {
  /** @param {Source} source @param {Description} description @param {{byteOffset: number, byteLength: number}[]} views
   * @param {number} start where the binary chunk's content begins */
  constructor(source, description, views, start) {
    this.source = source;
    this.description = description;
    this.views = views;
    this.start = start;
  }

  /** Fetch a block. @param {BlockEntry} entry @param {(fraction: number) => void} [tell] how much has come
   * @returns {Promise<Block>} */
  async block(entry, tell) {
    const { byteOffset, byteLength } = this.views[entry.bufferView];
    const bytes = await this.source.read(this.start + byteOffset, this.start + byteOffset + byteLength, tell);
    if (bytes.byteLength !== byteLength) throw new Error("The avatar's file is not whole.");
    return new Block(bytes, entry);
  }
}

/** Fetch and check the JSON. @param {Source} source @returns {Promise<Bundle>} */
export async function openBundle(source) {
  let head = await source.read(0, FIRST_BYTES);
  const view = new DataView(head);
  if (head.byteLength < 20 || view.getUint32(0, true) !== 0x46546c67 || view.getUint32(4, true) !== 2) {
    throw new Error("This is no binary glTF file.");
  }
  const end = 20 + view.getUint32(12, true);
  if (end > head.byteLength) head = await source.read(0, end);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(head, 20, end - 20)));
  const description = document.extensions?.[EXTENSION];
  if (!description) throw new Error("This glTF file is no avatar bundle.");
  if (!VERSIONS.includes(description.version)) {
    throw new Error(`The bundle has version ${description.version}, not one of ${VERSIONS.join(", ")}.`);
  }
  return new Bundle(source, description, document.bufferViews, end + 8);
}
