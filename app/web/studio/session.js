/** What is on screen, with undo, redo, and its copy in the address. */

import { restState } from "../viewer/viewer.js";

/** @typedef {import("../viewer/types.js").State} State */

const MOST_STEPS = 200;
const ADDRESS_DELAY_MS = 250;

/** Events: `changed`. */
export class Session extends EventTarget {
  /** @param {string} path of the page, before its "?" */
  constructor(path) {
    super();
    this.path = path;
    this.state = fromAddress(location.hash) ?? restState();
    this.past = [this.#key()];
    this.at = 0;
    this.timer = 0;
  }

  /** Without the camera: turning the view is nothing to undo. */
  #key() {
    const { camera: _, ...rest } = this.state;
    return JSON.stringify(rest);
  }

  /** Change the state; `isStep` makes it one that undo comes back to. @param {Partial<State>} part @param {boolean} isStep */
  set(part, isStep) {
    this.state = { ...this.state, ...part };
    if (isStep) this.step();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#write(), ADDRESS_DELAY_MS);
    this.dispatchEvent(new Event("changed"));
  }

  /** Remember where we are. */
  step() {
    const key = this.#key();
    if (key === this.past[this.at]) return;
    this.past = [...this.past.slice(Math.max(0, this.at + 2 - MOST_STEPS), this.at + 1), key];
    this.at = this.past.length - 1;
    this.dispatchEvent(new Event("changed"));
  }

  /** Undo (-1) or redo (1). @param {number} by */
  go(by) {
    if (!this.can(by)) return;
    this.at += by;
    this.set(JSON.parse(this.past[this.at]), false);
  }

  /** @param {number} by */
  can(by) {
    return this.past[this.at + by] !== undefined;
  }

  #write() {
    history.replaceState(null, "", `${this.path}${toAddress(this.state)}`);
  }

  /** Write the address now, and no more. */
  close() {
    clearTimeout(this.timer);
  }
}

/** The part of the address that says the state; empty at rest. @param {State} state */
export function toAddress(state) {
  const rest = restState();
  const own = Object.fromEntries(Object.entries(state).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(/** @type {any} */ (rest)[name])));
  return Object.keys(own).length ? `?s=${encodeURIComponent(JSON.stringify(own))}` : "";
}

/** @param {string} hash @returns {State | null} */
export function fromAddress(hash) {
  const text = new URLSearchParams(hash.split("?")[1] ?? "").get("s");
  if (!text) return null;
  try {
    return stateOf(JSON.parse(text), restState());
  } catch {
    return null;
  }
}

/** What somebody else wants to be shown: of each part that is named the numbers, all else as it is.
 * @param {any} own @param {State} now @returns {State} */
export const stateOf = (own, now) => ({
  camera: { ...now.camera, ...numbers(own.camera) },
  pose: { ...now.pose, ...numbers(own.pose), gaze: { ...now.pose.gaze, ...numbers(own.pose?.gaze) } },
  expression: own.expression ? numbers(own.expression) : now.expression,
  look: typeof own.look === "object" && own.look ? own.look : now.look,
});

/** @param {any} value @returns {any} */
const numbers = (value) => Object.fromEntries(Object.entries(value ?? {}).filter(([, v]) => typeof v === "number" && Number.isFinite(v)));
