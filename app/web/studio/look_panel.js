/** What the avatar wears and how its features are: variants per category, their amount, mixes, saved looks, wishes. */

import { getJson, request, sendJson } from "./api.js";
import { categoryGroup } from "./category_group.js";
import { h, say } from "./dom.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * @param {{avatar: any, session: Session, vocabulary: any, reload: () => Promise<void>, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened: () => void}}
 */
export function lookPanel({ avatar, session, reload, signal }) {
  const element = h("div");
  const saved = h("div", { class: "row" });
  /** @type {{refresh: () => void, element: HTMLElement}[]} */
  let groups = [];

  const random = () => {
    const look = Object.fromEntries(
      Object.entries(avatar.variants ?? {}).flatMap(([category, ids]) => {
        if (Math.random() < 0.45) return [];
        const id = ids[Math.floor(Math.random() * ids.length)];
        return [[category, { [id]: Math.round(100 * (0.4 + 0.6 * Math.random())) / 100 }]];
      }),
    );
    session.set({ look }, true);
  };

  async function showSaved() {
    const { data } = await getJson(`/v1/avatars/${avatar.id}/looks`);
    saved.replaceChildren(
      ...data.map((/** @type {any} */ one) =>
        h("span", { class: "row" },
          h("button", { class: "chip", type: "button", onclick: () => session.set({ look: one.look }, true) }, one.name),
          h("button", { class: "link", type: "button", "aria-label": `Forget the look ${one.name}`, onclick: () => void forget(one.name) }, "×"))),
    );
  }
  const forget = async (/** @type {string} */ name) => {
    await request(`/v1/avatars/${avatar.id}/looks/${name}`, { method: "DELETE" });
    await showSaved();
  };
  const name = h("input", { type: "text", placeholder: "Name of this look", "aria-label": "Name of this look", maxLength: 63 });
  const keep = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const slug = name.value.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
    if (!slug) {
      name.focus();
      return;
    }
    await sendJson(`/v1/avatars/${avatar.id}/looks/${slug}`, { look: session.state.look }, "PUT");
    name.value = "";
    say(`Saved as ${slug}.`);
    await showSaved();
  };

  async function opened() {
    groups = Object.keys(avatar.variants ?? {}).map((category) => categoryGroup({ avatar, session, category, reload, signal }));
    element.replaceChildren(
      h("div", { class: "row" },
        h("button", { type: "button", class: "chip", onclick: random }, "Surprise me"),
        h("button", { type: "button", class: "chip", onclick: () => session.set({ look: {} }, true) }, "Source look")),
      ...groups.map((group) => group.element),
      ...(avatar.rejected?.length ? [leftOut(avatar.rejected)] : []),
      h("section", { class: "group" }, h("header", {}, h("h2", {}, "Saved looks")), saved,
        h("form", { class: "wish", onsubmit: (/** @type {Event} */ e) => void keep(e) }, name, h("button", { type: "submit" }, "Save"))),
    );
    await showSaved();
  }

  return { element, opened: () => void opened(), refresh: () => groups.forEach((group) => group.refresh()) };
}

/** @param {string[]} rejected variants, and why */
const leftOut = (rejected) =>
  h("section", { class: "group" }, h("header", {}, h("h2", {}, "Left out")),
    h("p", { class: "soft small" }, "No picture of these was good enough, so the avatar goes without them."),
    h("ul", { class: "plain small" }, ...rejected.map((one) => h("li", {}, one))));
