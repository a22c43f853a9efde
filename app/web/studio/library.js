/** The avatars that are there: open, wait for, delete. */

import { getJson, render, request } from "./api.js";
import { confirmed } from "./dialog.js";
import { h, iconButton, say } from "./dom.js";
import { portraitFace } from "./face_crop.js";

const FACE = { width_px: 336, height_px: 336, background: "transparent", format: "webp" };
const STATUS = /** @type {Record<string, string>} */ ({ building: "Being built", failed: "Could not be built", deleting: "Being erased" });
const LEADS_TO = /** @type {Record<string, string>} */ ({ ready: "Open NAME", building: "See how NAME is built", failed: "See why NAME could not be built" });

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
    if (!(await confirmed(`Delete ${name}?`, `This erases ${what}. It cannot be undone.`, "Delete"))) return;
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
    if (data.some(isBuilding)) await tellProgress(tiles);
    element.hidden = data.length === 0;
    instead.hidden = data.length > 0;
    if (!isOver && data.some((/** @type {any} */ a) => isBuilding(a) || a.status === "deleting")) timer = window.setTimeout(refresh, 3000);
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

const isBuilding = (/** @type {any} */ avatar) => avatar.status === "building";

/** How far those are that are being built. @param {HTMLElement[]} tiles */
async function tellProgress(tiles) {
  const { data } = await getJson("/v1/jobs?limit=100");
  for (const job of data) {
    const tile = tiles.find((one) => job.kind === "create_avatar" && job.links.avatar === `/v1/avatars/${one.dataset.avatar}`);
    const told = tile?.querySelector(".status");
    if (told && job.progress.fraction) told.textContent = `${STATUS.building}, ${Math.round(100 * job.progress.fraction)} %`;
  }
}

/** @param {any} avatar @param {() => Promise<void>} erase */
function tileOf(avatar, erase) {
  const name = avatar.name || "Avatar";
  const face = h("div", { class: "face" });
  const show = (/** @type {HTMLElement | null} */ seen) => seen && face.replaceChildren(seen);
  if (avatar.status === "ready") void render(avatar.id, FACE).then((url) => show(h("img", { src: url, alt: "" })), () => undefined);
  else if (avatar.status !== "deleting") void portraitFace(avatar.portrait_id, "").then(show);
  const about = h("div", { class: "about" }, h("b", {}, name), h("span", { class: "soft small status" }, STATUS[avatar.status] ?? new Date(avatar.created_at).toLocaleDateString()));
  const remove = iconButton("trash", `Delete ${name}`, erase);
  remove.classList.add("away");
  const link = { href: `#/avatar/${avatar.id}`, "aria-label": LEADS_TO[avatar.status]?.replace("NAME", () => name) };
  const inside = avatar.status === "deleting" ? h("div", {}, face, about) : h("a", link, face, about);
  const tile = h("article", { class: `tile ${avatar.status}` }, inside, remove);
  Object.assign(tile.dataset, { key: `${avatar.id} ${avatar.status} ${avatar.version}`, avatar: avatar.id });
  return tile;
}
