/** The face: presets, motion, the useful sliders, and all 52 on demand. */

import { h, say, slider, words } from "./dom.js";
import { PRESETS, USEFUL } from "./presets.js";
import { playback, readRecording } from "./recording.js";

/** @typedef {import("./motion.js").Kind} Kind */
/** @typedef {import("./motion.js").Motion} Motion */

/**
 * @param {{session: import("./session.js").Session, vocabulary: any, play: (motion: Motion | null) => void, playing: () => Motion | null}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened?: () => void}}
 */
export function facePanel({ session, vocabulary, play, playing }) {
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
  const motions = /** @type {[Kind, string][]} */ ([["idle", "Idle"], ["talk", "Talk"]]).map(([kind, text]) => ({
    kind,
    button: h("button", { class: "chip", type: "button", onclick: () => play(playing() === kind ? null : kind) }, text),
  }));
  const input = h("input", { type: "file", accept: ".json,.csv,application/json,text/csv", hidden: true, id: "recording", "aria-label": "Recorded expressions" });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    input.value = "";
    try {
      if (file) play(playback(readRecording(await file.text(), vocabulary.expressions)));
    } catch (error) {
      say(`This recording cannot be played: ${error instanceof Error ? error.message : error}`);
    }
  });
  const recorded = h("button", {
    class: "chip", type: "button", title: "ARKit expressions as JSON or CSV",
    onclick: () => (typeof playing() === "function" ? play(null) : input.click()),
  }, "From a file");
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
    recorded.setAttribute("aria-pressed", String(typeof playing() === "function"));
    motions.forEach(({ kind, button }) => button.setAttribute("aria-pressed", String(playing() === kind)));
    for (const { names, set: show } of [...useful, ...every]) show(value(names));
  };
  const element = h("div", {},
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Expression")), h("div", { class: "row" }, ...presets.map((p) => p.button))),
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Motion")), h("div", { class: "row" }, ...motions.map((m) => m.button), recorded, input)),
    h("section", { class: "group" }, ...useful.map((s) => s.element)), more);
  return { element, refresh };
}

/** @param {Record<string, number>} expression */
const canonical = (expression) => JSON.stringify(Object.entries(expression).sort());
