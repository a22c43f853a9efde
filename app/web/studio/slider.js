/** A slider with its label and value; its track is filled from the value at rest, and tells how far one is sure. */

import { h } from "./dom.js";

/**
 * @param {{label: string, value: number, min: number, max: number, step: number, unit?: string, scale?: number,
 *   input: (value: number) => void, done: () => void}} options
 * @returns {{element: HTMLElement, set: (v: number) => void, sure: (least: number, most: number) => void}}
 * `sure` marks the values beyond which the avatar guesses
 */
export function slider({ label, value, min, max, step, unit = "", scale = 1, input, done }) {
  const id = `s${(slider.count += 1)}`;
  const shown = h("output", { for: id });
  const range = h("input", { type: "range", id, min: String(min), max: String(max), step: String(step) });
  const mark = (/** @type {string} */ name, /** @type {number} */ v) => range.style.setProperty(`--${name}`, String((v - min) / (max - min)));
  // Where nothing lies below rest, the track is filled from its very end.
  const start = min < 0 ? 0 : min - (max - min);
  const set = (/** @type {number} */ v) => {
    range.value = String(v);
    shown.textContent = `${Math.round(v * scale)}${unit}`;
    range.setAttribute("aria-valuetext", shown.textContent);
    mark("from", Math.min(v, start));
    mark("to", Math.max(v, start));
  };
  range.addEventListener("input", () => {
    set(Number(range.value));
    input(Number(range.value));
  });
  range.addEventListener("change", done);
  set(value);
  const sure = (/** @type {number} */ least, /** @type {number} */ most) => {
    range.classList.add("bounded");
    mark("least", least);
    mark("most", most);
  };
  return { element: h("div", { class: "slider" }, h("label", { for: id }, label), shown, range), set, sure };
}
slider.count = 0;
