/** Driving the avatar by one's own face: what happens with the pictures, the camera's view, and an end. */

import { h } from "./dom.js";
import { Follower } from "./follower.js";

/** @typedef {import("./motion.js").Motion} Motion */

/**
 * @param {{isConfigured: boolean, play: (motion: Motion | null) => void, playing: () => Motion | null, signal: AbortSignal}} context
 * @returns {{chip: HTMLButtonElement, element: HTMLElement, refresh: () => void}}
 */
export function webcamField({ isConfigured, play, playing, signal }) {
  const chip = h("button", { class: "chip", type: "button", "aria-expanded": "false", onclick: () => toggle() }, "Webcam");
  const element = h("div", { class: "group", hidden: true });
  /** @type {Follower | null} */
  let follower = null;

  const toggle = () => {
    const isOpen = element.hidden;
    follower?.stop();
    element.hidden = !isOpen;
    chip.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) offer();
  };
  const note = (/** @type {string} */ text) => h("p", { class: "note warn small", role: "alert" }, text);

  /** @param {string} problem of the last time */
  function offer(problem = "") {
    if (!isConfigured) {
      element.replaceChildren(note("Following a face live is not set up on this service. A recorded video can drive an animation: see Animate."));
      return;
    }
    if (!navigator.mediaDevices?.getUserMedia) {
      element.replaceChildren(note("The browser gives this page no camera; it does so over https, and on this machine itself."));
      return;
    }
    element.replaceChildren(...[
      problem && note(problem),
      h("p", { class: "soft small" }, `Pictures of your camera go to ${location.host}, about ten a second. It reads from each how your face moves, and keeps neither. Nobody else gets them. Start only if everybody in view agrees.`),
      h("div", { class: "row" }, h("button", { class: "main", type: "button", onclick: () => void start() }, "Start the camera")),
    ].filter(Boolean));
  }

  async function start() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 30, facingMode: "user" } });
    } catch {
      offer("The browser gives no access to a camera.");
      return;
    }
    const video = h("video", { class: "mirror", autoplay: true, playsInline: true, muted: true, "aria-label": "Your camera" });
    video.srcObject = stream;
    const mine = (follower = new Follower(video));
    const status = h("p", { class: "small", role: "status" });
    const mirror = h("input", { type: "checkbox", checked: true, onchange: () => (mine.isMirrored = mirror.checked) });
    mine.addEventListener("told", (event) => {
      const text = /** @type {CustomEvent} */ (event).detail;
      if (status.textContent !== text) status.textContent = text;
    });
    mine.addEventListener("ended", (event) => {
      stream.getTracks().forEach((track) => track.stop());
      follower = null;
      if (playing() === mine.motion) play(null);
      if (!element.hidden) offer(/** @type {CustomEvent} */ (event).detail);
    });
    stream.getVideoTracks()[0].addEventListener("ended", () => mine.stop("The camera was switched off."));
    element.replaceChildren(h("div", { class: "seen" }, video,
      h("div", { class: "group" }, status, h("label", { class: "check" }, mirror, "As in a mirror"),
        h("div", { class: "row" }, h("button", { type: "button", onclick: () => mine.stop() }, "Stop")))));
    await video.play().catch(() => undefined);
    if (signal.aborted) mine.stop();
    play(mine.motion);
    await mine.run();
  }

  const refresh = () => {
    // Another motion was chosen.
    if (follower && playing() !== follower.motion) follower.stop();
    chip.setAttribute("aria-pressed", String(follower !== null));
  };
  signal.addEventListener("abort", () => follower?.stop());
  return { chip, element, refresh };
}
