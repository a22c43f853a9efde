/** Where a photo comes from: dropped, chosen, or taken with the camera. */

import { dropped, h, icon } from "./dom.js";

/**
 * @param {(file: Blob) => void} take @param {number} maxBytes @param {AbortSignal} signal @returns {HTMLElement}
 */
export function photoField(take, maxBytes, signal) {
  const input = h("input", { type: "file", accept: "image/jpeg,image/png,image/webp", hidden: true, id: "photo", "aria-label": "Photo" });
  input.addEventListener("change", () => input.files?.[0] && take(input.files[0]));
  const canFilm = Boolean(navigator.mediaDevices?.getUserMedia);
  const field = h(
    "div", { class: "drop" }, icon("upload"),
    h("h2", {}, "Drop a portrait here"),
    h("p", { class: "soft small" }, `or paste one. JPEG, PNG or WebP, up to ${Math.round(maxBytes / 1e6)} MB`),
    h("div", { class: "row" },
      h("button", { class: "main", type: "button", onclick: () => input.click() }, "Choose a photo"),
      canFilm && h("button", { type: "button", onclick: () => void film(field, take, signal) }, "Use the camera")),
    input,
  );
  dropped(field, take);
  return field;
}

/** @param {HTMLElement} field @param {(file: Blob) => void} take @param {AbortSignal} signal */
async function film(field, take, signal) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720, facingMode: "user" } });
  } catch {
    field.prepend(h("p", { class: "note bad", role: "alert" }, "The browser gives no access to a camera."));
    return;
  }
  const end = () => stream.getTracks().forEach((track) => track.stop());
  signal.addEventListener("abort", end, { once: true });
  const video = h("video", { autoplay: true, playsInline: true, muted: true, "aria-label": "Camera" });
  video.srcObject = stream;
  const shoot = () => {
    const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    end();
    canvas.toBlob((/** @type {Blob | null} */ blob) => blob && take(blob), "image/jpeg", 0.95);
  };
  field.replaceChildren(h("div", { class: "photo" }, video), h("button", { class: "main", type: "button", onclick: shoot }, "Take the photo"));
}
