/** What becomes of a photo, for whoever has no avatar yet. */

import { h } from "./dom.js";

/** The cells of example.webp, left to right: the sample portrait (NASA, public domain), and its avatar. */
const CELLS = ["The photo", "Turned", "Smiling", "Other hair", "A hat", "Glasses"];

/** @returns {HTMLElement} */
export const example = () =>
  h("section", { class: "library", hidden: true, "aria-labelledby": "example" },
    h("h2", { id: "example" }, "For example"),
    h("div", { class: "example" }, ...CELLS.map((text, i) =>
      h("figure", {},
        h("img", { src: "/web/studio/example.webp", alt: i ? "The avatar of the photo" : "A woman who smiles", width: 256, height: 256, style: `object-position: ${(100 * i) / (CELLS.length - 1)}% 0` }),
        h("figcaption", { class: "soft small" }, text)))));
