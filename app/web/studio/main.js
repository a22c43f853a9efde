/** The page's frame: which view is shown, dark or light, and the key where the service wants one. */

import { Refused, getJson, useKey } from "./api.js";
import { avatarPage } from "./avatar_page.js";
import { h, icon, message, say } from "./dom.js";
import { homePage } from "./home.js";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const middle = /** @type {HTMLElement} */ (document.getElementById("bar-middle"));
/** @type {(() => void) | null} */
let leave = null;
/** @type {string | null} */
let shown = null;

function showTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = localStorage.getItem("perse-theme") ?? (dark ? "dark" : "light");
}

function installTheme() {
  const button = /** @type {HTMLButtonElement} */ (document.getElementById("theme"));
  button.append(icon("theme"));
  button.addEventListener("click", () => {
    localStorage.setItem("perse-theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();
}

/** Ask for the key until the service takes one. */
function askForKey() {
  const field = h("input", { type: "password", autocomplete: "off", "aria-label": "API key", required: true });
  const dialog = h(
    "dialog", {},
    h("form", { method: "dialog", class: "group", onsubmit: () => useKey(field.value.trim()) },
      h("h2", {}, "This service needs an API key"),
      h("p", { class: "soft small" }, "It is kept in this tab only. Make one with: perse keys create"),
      field, h("button", { class: "main", type: "submit" }, "Continue")),
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    again();
  });
  dialog.showModal();
}

/** Make the page anew. */
function again() {
  shown = null;
  void route();
}

/** Show what the address says. */
async function route() {
  const [path] = location.hash.replace(/^#/, "").split("?");
  if (path === shown) return;
  shown = path;
  leave?.();
  leave = null;
  main.replaceChildren();
  middle.replaceChildren();
  const avatar = /^\/avatar\/([\w-]+)$/.exec(path);
  try {
    const vocabulary = await getJson("/v1/vocabulary");
    leave = avatar ? await avatarPage(main, middle, avatar[1], vocabulary, again) : await homePage(main, vocabulary);
    document.body.dataset.view = avatar ? "avatar" : "home";
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      askForKey();
      return;
    }
    const text = error instanceof Error ? error.message : String(error);
    main.replaceChildren(h("div", { class: "home" }, message("This cannot be shown", text)));
  }
}

installTheme();
window.addEventListener("hashchange", () => void route());
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Refused) {
    event.preventDefault();
    say(event.reason.message);
  }
});
void route();
