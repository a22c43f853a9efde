/** A live avatar on a canvas: asks the worker for frames, draws them, and stays still when nothing changes. */

import { orbit } from "./camera.js";
import { Renderer } from "./renderer.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {{gaussians: number, pose_limits_deg: Record<string, [number, number]>, categories: Record<string, string[]>,
 *   added: {category: string, variant: string, prompt: string}[], fetched_bytes: number}} About */

export const MAX_RATIO = 2;
/** A moving picture that takes longer is drawn with fewer pixels, and sharply as soon as it stands still. */
const SLOW_MS = 40;
const LEAST_FACTOR = 0.35;
const STILL_MS = 160;
const FENCE_POLL_MS = 3;
const CAMERA = { yaw_deg: 0, pitch_deg: 0, distance: 1, fov_deg: 18 };

/** The source look, at rest. @returns {State} */
export function restState() {
  const pose = { yaw_deg: 0, pitch_deg: 0, roll_deg: 0, gaze: { yaw_deg: 0, pitch_deg: 0 } };
  return { camera: { ...CAMERA }, pose, expression: {}, look: {} };
}

/** Events: `loaded` (detail: how much of what the first picture needs, 0..1), `failed` (detail: text), `drawn`, `lost`, `restored`. */
export class Viewer extends EventTarget {
  /** @param {HTMLCanvasElement} canvas @param {{background?: readonly number[] | null, ratio?: number}} [options]
   * `background` null is transparent; `ratio` fixes canvas px per CSS px */
  constructor(canvas, { background = null, ratio } = {}) {
    super();
    this.canvas = canvas;
    this.background = background;
    this.ratio = ratio;
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser has no WebGL2, which the live view needs.");
    this.gl = gl;
    this.state = restState();
    /** @type {About | null} */
    this.about = null;
    /** @type {Renderer | null} */
    this.renderer = null;
    /** @type {import("./types.js").Still | null} */
    this.still = null;
    /** @type {Float32Array | null} */
    this.properties = null;
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {{id: number, state: State}} */
    this.asked = { id: 0, state: this.state };
    this.isWaiting = false;
    this.isDirty = false;
    this.isDrawing = false;
    this.isCoarse = false;
    /** The GPU's time for a sharp picture, as last seen. */
    this.costMs = 0;
    this.redraw = 0;
    this.stillTimer = 0;
    this.timing = { work_ms: 0, sort_ms: 0, draw_ms: 0, frame_ms: 0 };
    canvas.addEventListener("webglcontextlost", this.#onLost);
    canvas.addEventListener("webglcontextrestored", this.#onRestored);
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(canvas);
  }

  /**
   * Show the avatar of a bundle; resolves when the base is drawn.
   * @param {string} url @param {Record<string, string>} [headers] @returns {Promise<About>}
   */
  open(url, headers = {}) {
    this.close();
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.postMessage({ open: { url: new URL(url, location.href).href, headers } });
    return new Promise((resolve, reject) => {
      const worker = /** @type {Worker} */ (this.worker);
      worker.onerror = (event) => reject(new Error(event.message || "The viewer's worker does not start."));
      worker.onmessage = ({ data }) => {
        if (data.loaded) this.dispatchEvent(new CustomEvent("loaded", { detail: data.loaded }));
        if (data.opened) {
          this.about = /** @type {About} */ (data.opened.about);
          this.still = data.opened.still;
          this.properties = data.opened.properties;
          try {
            this.#build();
          } catch (error) {
            reject(error);
            return;
          }
          this.show(this.state);
          this.addEventListener("drawn", () => resolve(/** @type {About} */ (this.about)), { once: true });
        }
        if (data.frame) this.#onFrame(data.frame);
        if (data.arrived) this.show(this.state);
        if (data.failed) {
          reject(new Error(data.failed));
          this.isWaiting = false;
          this.dispatchEvent(new CustomEvent("failed", { detail: data.failed }));
        }
      };
    });
  }

  #build() {
    if (this.still && this.properties) this.renderer = new Renderer(this.gl, this.still, this.properties);
  }

  /** Draw this state as soon as may be. @param {State} state */
  show(state) {
    this.state = state;
    this.isDirty = true;
    this.#ask();
  }

  #ask() {
    if (!this.worker || !this.renderer || this.isWaiting || this.isDrawing || !this.isDirty) return;
    const { row } = orbit(this.state.camera, 1, 1);
    const id = this.asked.id + 1;
    this.asked = { id, state: structuredClone(this.state) };
    this.isWaiting = true;
    this.isDirty = false;
    this.began = performance.now();
    this.worker.postMessage({ wanted: { id, state: this.asked.state, row } });
  }

  /** @param {Frame} frame */
  #onFrame(frame) {
    this.isWaiting = false;
    if (frame.properties) this.properties = frame.properties;
    this.frame = frame;
    this.timing.work_ms = frame.work_ms;
    this.timing.sort_ms = frame.sort_ms;
    if (this.renderer && !this.gl.isContextLost()) {
      this.renderer.setFrame(frame);
      this.drawnState = this.asked.state;
      this.#draw(false);
    }
    this.timing.frame_ms = performance.now() - (this.began ?? 0);
    this.dispatchEvent(new CustomEvent("drawn", { detail: frame.id }));
  }

  /** @param {boolean} isSharp in any case; otherwise as sharp as there is time for */
  #draw(isSharp) {
    const { canvas, renderer } = this;
    if (!renderer || !this.frame || this.gl.isContextLost()) return;
    const factor = isSharp || this.costMs <= SLOW_MS ? 1 : Math.max(LEAST_FACTOR, Math.sqrt(SLOW_MS / this.costMs));
    this.isCoarse = factor < 1;
    this.#fit(factor);
    const began = performance.now();
    const state = this.drawnState ?? this.state;
    renderer.draw(orbit(state.camera, canvas.width, canvas.height), canvas.width, canvas.height, this.background);
    this.timing.draw_ms = performance.now() - began;
    this.#watch(began, factor);
    clearTimeout(this.stillTimer);
    if (this.isCoarse) this.stillTimer = window.setTimeout(() => this.#draw(true), STILL_MS);
  }

  /** Ask for no further frame before the GPU has drawn this one, and learn how long it takes.
   * @param {number} began @param {number} factor */
  #watch(began, factor) {
    const { gl } = this;
    const fence = this.isDrawing ? null : gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!fence) return;
    gl.flush();
    this.isDrawing = true;
    const look = () => {
      if (!gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) {
        setTimeout(look, FENCE_POLL_MS);
        return;
      }
      gl.deleteSync(fence);
      this.costMs = (performance.now() - began) / (factor * factor);
      this.isDrawing = false;
      requestAnimationFrame(() => this.#ask());
    };
    setTimeout(look, FENCE_POLL_MS);
  }

  /** @param {number} factor of fewer pixels */
  #fit(factor) {
    const { canvas } = this;
    const ratio = factor * (this.ratio ?? Math.min(window.devicePixelRatio || 1, MAX_RATIO));
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((v) => Math.max(1, Math.round(v * ratio)));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
  }

  #resized() {
    cancelAnimationFrame(this.redraw);
    this.redraw = requestAnimationFrame(() => this.#draw(true));
  }

  /** @param {readonly number[] | null} background */
  setBackground(background) {
    this.background = background;
    this.#draw(true);
  }

  /** Resolves when the state last shown is drawn sharply, with every block that it needs. @returns {Promise<void>} */
  async settled() {
    while (this.isDirty || this.isWaiting || !this.frame || this.frame.is_pending) {
      await new Promise((resolve) => this.addEventListener("drawn", resolve, { once: true }));
    }
    if (this.isCoarse) this.#draw(true);
  }

  /** How well the last frame went: GL's error, 0 when there is none. */
  glError() {
    return this.gl.getError();
  }

  #onLost = (/** @type {Event} */ event) => {
    // Without this the browser does not restore it.
    event.preventDefault();
    this.isDrawing = false;
    this.renderer = null;
    this.dispatchEvent(new Event("lost"));
  };

  #onRestored = () => {
    this.#build();
    if (this.frame && this.renderer) /** @type {Renderer} */ (this.renderer).setFrame(this.frame);
    this.show(this.state);
    this.dispatchEvent(new Event("restored"));
  };

  /** Let go of the avatar; the canvas keeps its last picture. */
  close() {
    this.worker?.terminate();
    this.worker = null;
    this.about = null;
    this.renderer = null;
    this.frame = null;
    this.isWaiting = false;
    clearTimeout(this.stillTimer);
  }

  /** Let go of everything. */
  dispose() {
    this.close();
    this.observer.disconnect();
    this.canvas.removeEventListener("webglcontextlost", this.#onLost);
    this.canvas.removeEventListener("webglcontextrestored", this.#onRestored);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
