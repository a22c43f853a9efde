/** The avatars that are there: open, wait for, delete. */

import { getJson, picture, render, request } from "./api.js";
import { h, iconButton, say } from "./dom.js";

const FACE = { width_px: 336, height_px: 336, background: "transparent", format: "webp" };
const STATUS = /** @type {Record<string, string>} */ ({ building: "Being built", failed: "Could not be built", deleting: "Being erased" });

/** @param {HTMLElement} instead shown while there is no avatar */
export function library(instead) {
  const grid = h("div", { class: "grid" });
  const element = h("section", { class: "library", hidden: true, "aria-labelledby": "yours" }, h("h2", { id: "yours" }, "Your avatars"), grid);
  let timer = 0;
  let isOver = false;
  /** Whether another avatar is of the same photo. @type {(avatar: any) => boolean} */
  let isShared = () => false;

  /** @param {any} avatar */
  async function erase(avatar) {
    const name = avatar.name || "Avatar";
    const what = isShared(avatar) ? `${name} and everything made from it` : `${name}, its photo and everything made from them`;
    if (!confirm(`Erase ${what}? This cannot be undone.`)) return;
    await request(`/v1/avatars/${avatar.id}`, { method: "DELETE" });
    // It may be gone already.
    if (!isShared(avatar)) await request(`/v1/portraits/${avatar.portrait_id}`, { method: "DELETE" }).catch(() => undefined);
    say(`${name} is being erased.`);
    await refresh();
  }

  async function refresh() {
    clearTimeout(timer);
    const { data } = await getJson("/v1/avatars?limit=60");
    if (isOver) return;
    const old = new Map([...grid.children].map((tile) => [tile.dataset.key, tile]));
    const tiles = data.map((/** @type {any} */ avatar) => old.get(`${avatar.id} ${avatar.status} ${avatar.version}`) ?? tileOf(avatar, () => erase(avatar)));
    const ofPhoto = (/** @type {string} */ id) => data.filter((/** @type {any} */ a) => a.portrait_id === id && a.status !== "deleting").length;
    isShared = (/** @type {any} */ avatar) => ofPhoto(avatar.portrait_id) > 1;
    grid.replaceChildren(...tiles);
    element.hidden = data.length === 0;
    instead.hidden = data.length > 0;
    if (data.some((/** @type {any} */ a) => a.status === "building" || a.status === "deleting")) timer = window.setTimeout(refresh, 3000);
  }

  return {
    element,
    refresh,
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** @param {any} avatar @param {() => Promise<void>} erase */
function tileOf(avatar, erase) {
  const name = avatar.name || "Avatar";
  const face = h("img", { class: "face", alt: "", width: 168, height: 168 });
  const about = h("div", { class: "about" }, h("b", {}, name), h("span", { class: "soft small" }, STATUS[avatar.status] ?? new Date(avatar.created_at).toLocaleDateString()));
  const isReady = avatar.status === "ready";
  if (isReady) void render(avatar.id, FACE).then((url) => (face.src = url), () => undefined);
  const remove = iconButton("trash", `Delete ${name}`, erase);
  remove.classList.add("away");
  const isBuilding = avatar.status === "building";
  if (isBuilding) void picture(`/v1/portraits/${avatar.portrait_id}/image`).then((url) => (face.src = url), () => undefined);
  const link = { href: `#/avatar/${avatar.id}`, "aria-label": isReady ? `Open ${name}` : `See how ${name} is built` };
  const tile = h("article", { class: `tile ${avatar.status}` }, isReady || isBuilding ? h("a", link, face, about) : h("div", {}, face, about), remove);
  tile.dataset.key = `${avatar.id} ${avatar.status} ${avatar.version}`;
  if (!face.src) face.src = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  return tile;
}
