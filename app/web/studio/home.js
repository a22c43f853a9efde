/** The first page: make an avatar, or open one of those that are there. */

import { h } from "./dom.js";
import { library } from "./library.js";
import { maker } from "./maker.js";

/** @param {HTMLElement} main @param {any} vocabulary @returns {Promise<() => void>} */
export async function homePage(main, vocabulary) {
  document.title = "Perse";
  const shelf = library();
  const making = maker(vocabulary, shelf.refresh);
  main.append(
    h("div", { class: "home" },
      h("section", { class: "hero", "aria-labelledby": "title" },
        h("div", { class: "hero-text" },
          h("h1", { id: "title" }, "One photo. A head you can turn, animate and restyle."),
          h("p", {}, "Perse builds a 3D avatar from a single portrait, on this machine. Then change the hair, open the mouth, put on glasses: live, in the browser."),
          h("p", { class: "small" }, "Use a sharp photo of one face, looking at the camera, with the mouth closed.")),
        making.element),
      shelf.element),
  );
  await shelf.refresh();
  return () => {
    making.stop();
    shelf.stop();
  };
}
