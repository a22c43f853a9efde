/** Draws frames with WebGL2. Knows textures and passes; what is in them comes from the worker. */

import { bindTextures, dataTexture, link, target } from "./gl.js";
import { FULL, RESOLVE, SPLAT_FRAGMENT, SPLAT_VERTEX, bindShader } from "./shaders.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Still} Still */
/** @typedef {ReturnType<typeof import("./camera.js").orbit>} View */

const WIDTH = 1024;
/** Quads per instance: one alone is slow on every GPU. */
const BATCH = 512;

const rowsOf = (/** @type {number} */ count) => Math.max(1, Math.ceil(count / WIDTH));

export class Renderer {
  /**
   * @param {WebGL2RenderingContext} gl @param {Still} still @param {Float32Array} properties four layers
   */
  constructor(gl, still, properties) {
    this.gl = gl;
    this.still = still;
    // Colours outside 0..1 need a float target; without one (rare) they are cut at every blend.
    this.hasFloatTarget = Boolean(gl.getExtension("EXT_color_buffer_float") ?? gl.getExtension("EXT_color_buffer_half_float"));
    this.bind = link(gl, FULL, bindShader(still.drivers));
    this.splat = link(gl, SPLAT_VERTEX, SPLAT_FRAGMENT);
    this.resolve = link(gl, FULL, RESOLVE);
    const rows = rowsOf(still.count);
    this.properties = dataTexture(gl, gl.RGBA32F, WIDTH, rows, 4);
    this.setProperties(properties);
    this.binding = dataTexture(gl, gl.RGBA32UI, WIDTH, rows);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, rows, gl.RGBA_INTEGER, gl.UNSIGNED_INT, still.binding);
    const [expressionRows, layers] = [rowsOf(still.rows), Math.max(2 * still.drivers, 1)];
    this.expression = dataTexture(gl, gl.RGBA8_SNORM, WIDTH, expressionRows, layers);
    if (still.expression.length) {
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, WIDTH, expressionRows, layers, gl.RGBA, gl.BYTE, still.expression);
    }
    this.vertices = dataTexture(gl, gl.RGBA32F, WIDTH, rowsOf(still.vertices));
    this.order = dataTexture(gl, gl.R32UI, WIDTH, rows);
    this.ellipses = dataTexture(gl, gl.RGBA32UI, WIDTH, rows);
    this.colours = dataTexture(gl, gl.RG32UI, WIDTH, rows);
    this.bound = target(gl, [this.ellipses, this.colours]);
    this.quads = this.#quads();
    this.empty = gl.createVertexArray();
    /** @type {WebGLTexture | null} */
    this.image = null;
    /** @type {WebGLFramebuffer | null} */
    this.canvasTarget = null;
    this.size = [0, 0];
    this.drawn = 0;
    /** @type {Float32Array} */
    this.drivers = new Float32Array(8 * Math.max(still.drivers, 1));
  }

  #quads() {
    const { gl } = this;
    const index = new Uint16Array(6 * BATCH);
    for (let i = 0; i < BATCH; i++) index.set([0, 1, 2, 2, 1, 3].map((k) => 4 * i + k), 6 * i);
    const quads = gl.createVertexArray();
    gl.bindVertexArray(quads);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return quads;
  }

  /** @param {Float32Array} properties */
  setProperties(properties) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.properties);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, WIDTH, rowsOf(this.still.count), 4, gl.RGBA, gl.FLOAT, properties);
  }

  /** Take a moment's data. @param {Frame} frame */
  setFrame(frame) {
    const { gl } = this;
    if (frame.properties) this.setProperties(frame.properties);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.vertices);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, rowsOf(this.still.vertices), gl.RGBA, gl.FLOAT, frame.vertices);
    gl.bindTexture(gl.TEXTURE_2D, this.order);
    const rows = Math.ceil(frame.drawn / WIDTH);
    if (rows) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, rows, gl.RED_INTEGER, gl.UNSIGNED_INT, frame.order);
    this.drawn = frame.drawn;
    if (frame.drivers.length) this.drivers = frame.drivers;
  }

  /** @param {number} width @param {number} height */
  #resize(width, height) {
    const { gl } = this;
    if (this.size[0] === width && this.size[1] === height) return;
    gl.deleteTexture(this.image);
    gl.deleteFramebuffer(this.canvasTarget);
    this.image = dataTexture(gl, this.hasFloatTarget ? gl.RGBA16F : gl.RGBA8, width, height);
    this.canvasTarget = target(gl, [this.image]);
    this.size = [width, height];
  }

  /**
   * Draw what `setFrame` brought.
   * @param {View} view @param {number} width @param {number} height px
   * @param {readonly number[] | null} background sRGB 0..1, or null for a transparent canvas
   */
  draw(view, width, height, background) {
    const { gl } = this;
    this.#resize(width, height);
    this.#bindGaussians(view, width, height);
    this.#splatGaussians(width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.BLEND);
    gl.useProgram(this.resolve.program);
    gl.bindVertexArray(this.empty);
    bindTextures(gl, this.resolve, [["uImage", gl.TEXTURE_2D, /** @type {WebGLTexture} */ (this.image)]]);
    gl.uniform4fv(this.resolve.at("uBackground"), background ? [...background, 1] : [0, 0, 0, 0]);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** @param {View} view @param {number} width @param {number} height */
  #bindGaussians(view, width, height) {
    const { gl, bind, still } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.bound);
    gl.viewport(0, 0, WIDTH, rowsOf(still.count));
    gl.disable(gl.BLEND);
    gl.useProgram(bind.program);
    gl.bindVertexArray(this.empty);
    bindTextures(gl, bind, [
      ["uProperties", gl.TEXTURE_2D_ARRAY, this.properties],
      ["uExpression", gl.TEXTURE_2D_ARRAY, this.expression],
      ["uBinding", gl.TEXTURE_2D, this.binding],
      ["uVertices", gl.TEXTURE_2D, this.vertices],
    ]);
    gl.uniform4fv(bind.at("uDrivers"), this.drivers);
    gl.uniformMatrix3fv(bind.at("uRotation"), true, view.rotation);
    gl.uniform3fv(bind.at("uTranslation"), view.translation);
    gl.uniform2f(bind.at("uSize"), width, height);
    gl.uniform1f(bind.at("uFocal"), view.focal);
    gl.uniform1i(bind.at("uCount"), still.count);
    gl.uniform1i(bind.at("uAntialiased"), Number(still.antialiased));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** @param {number} width @param {number} height */
  #splatGaussians(width, height) {
    const { gl, splat } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.canvasTarget);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(splat.program);
    gl.bindVertexArray(this.quads);
    bindTextures(gl, splat, [
      ["uOrder", gl.TEXTURE_2D, this.order],
      ["uEllipse", gl.TEXTURE_2D, this.ellipses],
      ["uColour", gl.TEXTURE_2D, this.colours],
    ]);
    gl.uniform2f(splat.at("uSize"), width, height);
    gl.uniform1i(splat.at("uDrawn"), this.drawn);
    gl.uniform1i(splat.at("uBatch"), BATCH);
    gl.drawElementsInstanced(gl.TRIANGLES, 6 * BATCH, gl.UNSIGNED_SHORT, 0, Math.ceil(this.drawn / BATCH));
  }
}
