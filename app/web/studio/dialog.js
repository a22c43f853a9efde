/** Questions that must be answered before something is lost. */

import { h } from "./dom.js";

/**
 * @param {string} question @param {string} text what becomes of it @param {string} verb of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(question, text, verb) {
  const dialog = h("dialog", { "aria-labelledby": "question" },
    h("form", { method: "dialog", class: "group" },
      h("h2", { id: "question" }, question), h("p", { class: "soft" }, text),
      h("div", { class: "row end" }, h("button", { value: "no", autofocus: true }, "Keep it"), h("button", { class: "main bad", value: "yes" }, verb))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }));
}
