/** What to build of a photo: how well, what can be changed later, and where there is a choice, who makes the pictures. */

import { sendJson } from "./api.js";
import { h, words } from "./dom.js";

/** @type {Record<string, string>} */
const PRESET_WORDS = { draft: "A minute or two", standard: "Sharper, some minutes", high: "Finest, on a GPU" };
/** @type {[string, string, string][]} a kind of the service's backends, the request's name for it, and what it is to people */
const MAKERS = [["editors", "editor", "Looks drawn by"], ["animators", "animator", "Movements by"], ["rigs", "rig", "Shape of the head from"]];
/** @type {Record<string, string>} */
const MAKER_WORDS = {
  procedural: "Built in, quick", diffusion: "An image model, photographic", rig: "Built in, exact", "wan-animate": "A video model (Wan-Animate)", "wan-vace": "A video model (Wan-VACE)",
  landmarks: "The photo's landmarks", flame: "FLAME",
};

/** @param {any} vocabulary @returns {{element: HTMLElement, recipe: () => Promise<object>}} `recipe` is the part of a request; it throws what is not understood */
export function planField(vocabulary) {
  const presets = vocabulary.presets.filter((/** @type {any} */ p) => p.name !== "preview");
  let preset = presets[0];
  const cards = presets.map((/** @type {any} */ p) =>
    h("button", { type: "button", onclick: () => pick(p) }, h("b", {}, words(p.name)), h("small", {}, PRESET_WORDS[p.name] ?? `trained at ${p.size_px} px`)));
  const editable = vocabulary.categories.filter((/** @type {any} */ c) => c.variants.length);
  const boxes = editable.map((/** @type {any} */ c) => h("input", { type: "checkbox", value: c.name }));
  const name = h("input", { type: "text", id: "avatar-name", maxLength: 200, autocomplete: "off" });
  const wish = h("input", { type: "text", id: "avatar-wish", maxLength: 500, autocomplete: "off", placeholder: "a red beanie and a short beard" });
  const more = moreVariants(editable, (category) => (boxes.find((/** @type {any} */ b) => b.value === category).checked = true));
  const pick = (/** @type {any} */ chosen) => {
    preset = chosen;
    cards.forEach((/** @type {HTMLElement} */ card, /** @type {number} */ i) => card.setAttribute("aria-pressed", String(presets[i] === preset)));
    const worn = more.chosen().map(({ category }) => category);
    boxes.forEach((/** @type {any} */ b) => (b.checked = preset.categories.includes(b.value) || worn.includes(b.value)));
    more.offer(preset.variants_per_category);
  };
  const makers = MAKERS.filter(([kind]) => vocabulary.backends[kind].length > 1).map(([kind, field, label]) => ({
    field, label, select: h("select", {}, ...vocabulary.backends[kind].map((/** @type {string} */ one) => h("option", { value: one }, MAKER_WORDS[one] ?? one))),
  }));

  async function recipe() {
    const wishes = wish.value.trim() ? (await sendJson("/v1/vocabulary/wishes", { text: wish.value })).wishes : [];
    const unclear = wishes.find((/** @type {any} */ w) => w.problem || w.not_understood.length);
    if (unclear) throw new Error(unclear.problem?.detail ?? `Not understood: ${unclear.not_understood.join(", ")}.`);
    const wished = wishes.map((/** @type {any} */ w) => ({ category: w.category, id: w.variant.id }));
    const chosen = boxes.filter((/** @type {any} */ b) => b.checked).map((/** @type {any} */ b) => b.value);
    const isPresets = chosen.length === preset.categories.length && chosen.every((/** @type {string} */ c) => preset.categories.includes(c));
    return {
      preset: preset.name, name: name.value.trim() || null, categories: isPresets ? null : chosen, variants: [...more.chosen(), ...wished],
      ...Object.fromEntries(makers.map(({ field, select }) => [field, select.value])),
    };
  }

  pick(preset);
  const element = h("div", { class: "made" },
    h("fieldset", {}, h("legend", {}, "Quality"), h("div", { class: "presets" }, ...cards)),
    h("div", { class: "field" }, h("label", { for: "avatar-name" }, "Name"), name),
    makers.length > 0 && h("div", { class: "sizes" }, ...makers.map(({ label, select }) => h("label", {}, label, select))),
    h("details", {}, h("summary", {}, "What can be changed later"),
      h("div", { class: "made" },
        h("div", { class: "boxes" }, ...boxes.map((/** @type {any} */ b) => h("label", { class: "check" }, b, words(b.value)))),
        more.element,
        h("div", { class: "field" }, h("label", { for: "avatar-wish" }, "Or in your own words"), wish))));
  return { element, recipe };
}

/**
 * Variants of the catalogue beside those of the preset.
 * @param {any[]} categories @param {(category: string) => void} added is told the category of each
 * @returns {{element: HTMLElement, chosen: () => {category: string, id: string}[], offer: (own: number) => void}} `offer` takes
 * how many of each category the preset has of its own
 */
function moreVariants(categories, added) {
  /** @type {{category: string, id: string}[]} */
  let list = [];
  const chips = h("div", { class: "row" });
  const select = h("select", { id: "avatar-more" });
  const show = () => {
    chips.replaceChildren(...list.map((one) =>
      h("button", { class: "chip", type: "button", "aria-label": `Without ${words(one.id)}`, onclick: () => drop(one) }, `${words(one.category)}: ${words(one.id).toLowerCase()} ×`)));
    chips.hidden = !list.length;
  };
  const drop = (/** @type {{category: string, id: string}} */ one) => {
    list = list.filter((other) => other !== one);
    show();
    select.focus();
  };
  select.addEventListener("change", () => {
    const [category, id] = select.value.split("/");
    select.value = "";
    if (!list.some((one) => one.category === category && one.id === id)) list.push({ category, id });
    added(category);
    show();
  });
  const offer = (/** @type {number} */ own) =>
    select.replaceChildren(h("option", { value: "" }, "Choose …"), ...categories.map(({ name, variants }) =>
      h("optgroup", { label: words(name) }, ...variants.slice(own).map((/** @type {any} */ v) => h("option", { value: `${name}/${v.id}` }, words(v.id))))));
  show();
  return { element: h("div", { class: "field" }, h("label", { for: "avatar-more" }, "More looks from the catalogue"), select, chips), chosen: () => list, offer };
}
