/** What moves the avatar: a clip, or a file that is dropped or chosen: somebody's video, a voice or a motion. */

import { dropped, duration, h, megabytes, words } from "./dom.js";

export const CLIPS = ["idle", "talk", "nod", "swing"];
/** @typedef {"video" | "voice" | "motion"} Kind */
/** @typedef {{clip: string, file: File | null, kind: Kind | null}} Movement  a clip alone or beneath a voice; or a file */

/** @type {Record<Kind, {ends: string[], note: string}>} */
const KINDS = {
  video: {
    ends: ["mp4", "mov", "webm", "mkv", "avi"],
    note: "A driving video, of yourself or of somebody who agrees. The avatar moves as the largest face on it does; nothing says afterwards whose face that was, and the video is erased when the job has ended. Its sound is kept. Let it begin with a second at rest.",
  },
  voice: { ends: ["wav", "mp3", "m4a", "flac", "ogg"], note: "A voice. The mouth follows it, the clip does the rest, and it is heard." },
  motion: { ends: ["csv", "json"], note: "A motion: motion.json, a list of ARKit weights, or the CSV of a capture app." },
};

/** @param {File} file @returns {Kind | null} */
function kindOf(file) {
  const [family] = file.type.split("/");
  const end = file.name.split(".").pop()?.toLowerCase() ?? "";
  const kinds = /** @type {Kind[]} */ (Object.keys(KINDS));
  return family === "video" ? "video" : family === "audio" ? "voice" : kinds.find((kind) => KINDS[kind].ends.includes(end)) ?? null;
}

/** @param {{upload_bytes: number, animation_s: number}} limits @param {(movement: Movement) => void} changed called at once, too
 * @returns {HTMLElement} */
export function movementField(limits, changed) {
  /** @type {Movement} */
  let movement = { clip: CLIPS[0], file: null, kind: null };
  const chips = CLIPS.map((clip) => h("button", { class: "chip", type: "button", onclick: () => chooseClip(clip) }, words(clip)));
  const accept = [...Object.values(KINDS).flatMap(({ ends }) => ends.map((end) => `.${end}`)), "video/*", "audio/*"].join();
  const input = h("input", { type: "file", accept, hidden: true, id: "movement", "aria-label": "A file that moves the avatar" });
  const told = h("div", { class: "group" });

  const show = () => {
    const isBeneath = !movement.file || movement.kind === "voice";
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(isBeneath && CLIPS[i] === movement.clip)));
    changed(movement);
  };
  /** A clip lies beneath a voice, and takes the place of any other file. @param {string} clip */
  const chooseClip = (clip) => {
    movement = { ...movement, clip };
    if (movement.kind === "voice") show();
    else forget();
  };
  const forget = () => {
    movement = { ...movement, file: null, kind: null };
    told.replaceChildren();
    show();
  };
  const take = (/** @type {File} */ file) => {
    const kind = kindOf(file);
    const problem = !kind ? `${file.name} is neither a video, nor a voice, nor a motion.`
      : file.size > limits.upload_bytes ? `${file.name} has ${megabytes(file.size)}; at most ${megabytes(limits.upload_bytes)} can be sent.` : "";
    forget();
    if (problem) told.replaceChildren(h("p", { class: "note bad", role: "alert" }, problem));
    if (problem || !kind) return;
    movement = { ...movement, file, kind };
    told.replaceChildren(
      h("div", { class: "line" }, h("b", { class: "name" }, file.name), h("button", { class: "link", type: "button", onclick: forget }, "Take away")),
      h("p", { class: "soft small" }, KINDS[kind].note));
    show();
  };
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) take(file);
  });
  const drop = h("div", { class: "drop low" },
    h("p", { class: "soft small" }, `or drop a video of somebody, a voice or a motion here, up to ${duration(limits.animation_s)}`),
    h("button", { type: "button", onclick: () => input.click() }, "Choose a file"), input);
  dropped(drop, take);
  show();
  return h("section", { class: "group" }, h("header", {}, h("h2", {}, "Movement")), h("div", { class: "row" }, ...chips), drop, told);
}
