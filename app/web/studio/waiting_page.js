/** An avatar that cannot be opened yet, or never will be: its building, or what became of it. */

import { getJson } from "./api.js";
import { buildView } from "./build_view.js";
import { h, message } from "./dom.js";
import { portraitFace } from "./face_crop.js";
import { whyNot } from "./job_status.js";

/** @param {HTMLElement} main @param {any} avatar @param {() => void} ready called when it can be opened @param {AbortSignal} signal */
export async function waitingPage(main, avatar, ready, signal) {
  const card = h("section", { class: "maker alone", "aria-label": "The avatar's building" });
  main.append(h("div", { class: "home" }, card));
  const tell = (/** @type {string} */ text) => card.replaceWith(message("There is no avatar to show", text));
  if (avatar.status === "deleting") {
    tell("This avatar is being erased.");
    return;
  }
  const job = await builder(avatar.id);
  if (signal.aborted) return;
  if (!job) {
    tell("This avatar could not be built.");
    return;
  }
  const photo = await portraitFace(avatar.portrait_id, "Your photo");
  if (signal.aborted) return;
  const building = buildView(job, photo, signal);
  card.replaceChildren(building.element);
  const ended = await building.ended.catch(() => null);
  if (signal.aborted || !ended) return;
  if (ended.status === "succeeded") ready();
  else tell(whyNot(ended) || "The building was canceled.");
}

/** The job that builds an avatar; null when nobody knows it any more. @param {string} id */
async function builder(id) {
  for (let cursor = ""; ; ) {
    const { data, next_cursor } = await getJson(`/v1/jobs?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    const found = data.find((/** @type {any} */ job) => job.kind === "create_avatar" && job.links.avatar === `/v1/avatars/${id}`);
    if (found || !next_cursor) return found ?? null;
    cursor = next_cursor;
  }
}
