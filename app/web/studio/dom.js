/** Making elements, icons, and short messages. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. Properties that are functions and begin with "on" listen; `class` and aria-* are attributes.
 * @param {string} tag @param {Record<string, any>} [props] @param {...Child} children @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list" && name !== "for") /** @type {any} */ (element)[name] = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== "").map((c) => /** @type {Node | string} */ (c)));
  return element;
}

const PATHS = {
  undo: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 12h-2", redo: "m15 7 5 5-5 5M20 12H10a6 6 0 0 0 0 12h2", photo: "M4 6h16v13H4zM4 16l5-5 4 4 3-3 4 4M15 9.500h.010",
  compare: "M12 3v18M5 6h4v12H5zM15 6h4v12h-4z", reset: "M4 12a8 8 0 1 0 3-6.200L4 8M4 3v5h5", dice: "M4 4h16v16H4zM8.500 8.500h.010M15.500 15.500h.010M12 12h.010M15.500 8.500h.010M8.500 15.500h.010",
  play: "M7 4v16l13-8z", trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13", theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const frame = name === "undo" || name === "redo" ? "0 3 24 24" : "0 0 24 24";
  for (const [k, v] of Object.entries({ viewBox: frame, fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(k, v);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A round button with an icon. @param {keyof typeof PATHS} name @param {string} label @param {(event: Event) => void} onclick */
export const iconButton = (name, label, onclick) => h("button", { class: "icon", type: "button", title: label, "aria-label": label, onclick }, icon(name));

let timer = 0;

/** A short message at the bottom; read out by screen readers. @param {string} text */
export function say(text) {
  const says = /** @type {HTMLElement} */ (document.getElementById("says"));
  says.textContent = text;
  says.classList.add("on");
  clearTimeout(timer);
  timer = window.setTimeout(() => says.classList.remove("on"), 5000);
}

/** In place of what cannot be shown: why, and a way on. @param {string} title @param {string} text @returns {HTMLElement} */
export const message = (title, text) =>
  h("section", { class: "maker message" }, h("h1", {}, title), h("p", { class: "note bad", role: "alert" }, text), h("a", { class: "button", href: "#/" }, "To all avatars"));

/** `long-wavy-blonde` to `Long wavy blonde`, `mouthSmileLeft` to `Mouth smile left`. @param {string} name */
export function words(name) {
  // What stays as it is needs no words.
  const other = name.replace(/^source-(length|style)-/, "");
  const own = other.startsWith("wish-") ? other.slice(5).replace(/\b(style|length|texture|colour|shape|material|size|type)-/g, "") : other;
  const text = own.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/-/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes < 1e5 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** @param {number} seconds */
export const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);

/** Let files be dropped onto an element. @param {HTMLElement} element @param {(file: File) => void} take */
export function dropped(element, take) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}
