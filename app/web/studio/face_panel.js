/** The face: presets, motion, the useful sliders, and all 52 on demand. */

import { h, words } from "./dom.js";
import { motionGroup } from "./motion_group.js";
import { PRESETS, USEFUL } from "./presets.js";
import { slider } from "./slider.js";

/** @typedef {import("./motion.js").Motion} Motion */

/**
 * @param {{session: import("./session.js").Session, vocabulary: any, play: (motion: Motion | null) => void, playing: () => Motion | null, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened?: () => void}}
 */
export function facePanel({ session, vocabulary, play, playing, signal }) {
  const set = (/** @type {string[]} */ names, /** @type {number} */ value) => {
    const expression = { ...session.state.expression };
    for (const name of names) {
      if (value > 0) expression[name] = value;
      else delete expression[name];
    }
    session.set({ expression }, false);
  };
  const value = (/** @type {string[]} */ names) => Math.max(...names.map((n) => session.state.expression[n] ?? 0));
  const make = (/** @type {string} */ label, /** @type {string[]} */ names) => ({
    names,
    ...slider({ label, value: 0, min: 0, max: 1, step: 0.01, unit: " %", scale: 100, input: (v) => set(names, v), done: () => session.step() }),
  });
  const presets = Object.entries(PRESETS).map(([name, expression]) => ({
    key: canonical(expression),
    button: h("button", { class: "chip", type: "button", onclick: () => session.set({ expression: { ...expression } }, true) }, name),
  }));
  const motion = motionGroup({ vocabulary, play, playing, signal });
  const useful = USEFUL.map(([label, names]) => make(label, names));
  /** @type {ReturnType<typeof make>[]} */
  let every = [];
  const all = h("div", { class: "group" });
  const more = h("details", { ontoggle: () => fill() }, h("summary", {}, "All 52 expressions"), all);
  const fill = () => {
    if (!more.open || every.length) return;
    every = vocabulary.expressions.map((/** @type {string} */ name) => make(words(name), [name]));
    all.replaceChildren(...every.map((s) => s.element));
    refresh();
  };
  const refresh = () => {
    const now = canonical(session.state.expression);
    presets.forEach(({ key, button }) => button.setAttribute("aria-pressed", String(key === now)));
    motion.refresh();
    for (const { names, set: show } of [...useful, ...every]) show(value(names));
  };
  const element = h("div", {},
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Expression")), h("div", { class: "row" }, ...presets.map((p) => p.button))),
    motion.element,
    h("section", { class: "group" }, ...useful.map((s) => s.element)), more);
  return { element, refresh };
}

/** @param {Record<string, number>} expression */
const canonical = (expression) => JSON.stringify(Object.entries(expression).sort());
