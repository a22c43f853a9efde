/** The first page: make an avatar, or open one of those that are there. */

import { h } from "./dom.js";
import { example } from "./example.js";
import { library } from "./library.js";
import { maker } from "./maker.js";

/** @param {HTMLElement} main @param {any} vocabulary @returns {Promise<() => void>} */
export async function homePage(main, vocabulary) {
  document.title = "Perse";
  const first = example();
  const shelf = library(first);
  const making = maker(vocabulary, shelf.refresh);
  main.append(
    h("div", { class: "home" },
      h("section", { class: "hero", "aria-labelledby": "title" },
        h("div", { class: "hero-text" },
          h("h1", { id: "title" }, "One photo. A head you can turn, animate and restyle."),
          h("p", {}, "A single portrait becomes a 3D avatar. Change the hair, open the mouth, put on glasses: live, in the browser."),
          h("p", { class: "small" }, "Best is a sharp photo of one face that looks at the camera, the mouth closed. It stays with this service, and is erased with the avatar when you delete that.")),
        making.element),
      shelf.element, first),
  );
  await shelf.refresh();
  return () => {
    making.stop();
    shelf.stop();
  };
}
