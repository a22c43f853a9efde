/** What moves the face by itself: idle, talk, a recording, or somebody before the camera. */

import { h, say } from "./dom.js";
import { playback, readRecording } from "./recording.js";
import { webcamField } from "./webcam_field.js";

/** @typedef {import("./motion.js").Kind} Kind */
/** @typedef {import("./motion.js").Motion} Motion */

/**
 * @param {{vocabulary: any, play: (motion: Motion | null) => void, playing: () => Motion | null, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void}}
 */
export function motionGroup({ vocabulary, play, playing, signal }) {
  const motions = /** @type {[Kind, string][]} */ ([["idle", "Idle"], ["talk", "Talk"]]).map(([kind, text]) => ({
    kind,
    button: h("button", { class: "chip", type: "button", onclick: () => play(playing() === kind ? null : kind) }, text),
  }));
  /** @type {Motion | null} */
  let recording = null;
  const input = h("input", { type: "file", accept: ".json,.csv,application/json,text/csv", hidden: true, id: "recording", "aria-label": "Recorded expressions" });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    try {
      recording = playback(readRecording(await file.text(), vocabulary.expressions));
      play(recording);
    } catch (error) {
      say(`This recording cannot be played: ${error instanceof Error ? error.message : error}`);
    }
  });
  const isPlayed = () => recording !== null && playing() === recording;
  const recorded = h("button", { class: "chip", type: "button", title: "ARKit expressions as JSON or CSV", onclick: () => (isPlayed() ? play(null) : input.click()) }, "From a file");
  const webcam = webcamField({ isConfigured: vocabulary.live_capture, play, playing, signal });
  const refresh = () => {
    motions.forEach(({ kind, button }) => button.setAttribute("aria-pressed", String(playing() === kind)));
    recorded.setAttribute("aria-pressed", String(isPlayed()));
    webcam.refresh();
  };
  const element = h("section", { class: "group" }, h("header", {}, h("h2", {}, "Motion")),
    h("div", { class: "row" }, ...motions.map((m) => m.button), recorded, webcam.chip, input), webcam.element);
  return { element, refresh };
}
