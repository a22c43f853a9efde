/** A video of the avatar that moves: what moves it, how long and how large; then it plays. */

import { picture, request, save, saveFrom } from "./api.js";
import { h, say } from "./dom.js";
import { jobStatus } from "./job_status.js";
import { movementField } from "./movement_field.js";
import { asCode, queued } from "./snippets.js";

/** Of motions that do not say their own. */
const MOTION_FPS = { min: 1, max: 240 };
const BACKGROUNDS = /** @type {Record<string, number[]>} */ ({ Grey: [0.82, 0.84, 0.86], White: [1, 1, 1], Black: [0, 0, 0] });

/** @param {{avatar: any, session: import("./session.js").Session, vocabulary: any, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void}} */
export function animationPanel({ avatar, session, vocabulary, signal }) {
  const most = vocabulary.limits.render_px;
  const longest = vocabulary.limits.animation_s;
  const seconds = number({ min: 0.2, max: longest, step: "any", value: Math.min(6, longest) });
  const motionFps = number({ ...MOTION_FPS, step: "any", value: "", required: false, placeholder: "its own" });
  const fps = h("select", {}, ...[25, 30, 50, 60].map((value) => h("option", { value }, String(value))));
  const [width, height] = [512, 512].map((value) => number({ min: 64, max: most, step: 2, value }));
  const behind = h("select", {}, ...Object.keys(BACKGROUNDS).map((name) => h("option", { value: name }, name)));
  const ofClip = h("label", {}, "Seconds", seconds);
  const ofMotion = h("label", {}, "Frames a second of the file", motionFps);
  /** @type {import("./movement_field.js").Movement} */
  let movement;
  const path = `/v1/avatars/${avatar.id}/animations`;
  const code = asCode("The same video", () => {
    const { file, kind } = movement;
    return queued({ path, body: options(), file: "avatar.mp4", ...(file && kind && { form: { part: kind, name: file.name } }) });
  });
  const movements = movementField(vocabulary.limits, (chosen) => {
    movement = chosen;
    // What is not asked for is not checked either.
    ofClip.hidden = seconds.disabled = Boolean(chosen.file);
    ofMotion.hidden = motionFps.disabled = chosen.kind !== "motion";
    code.refresh();
  });

  const options = () => {
    const { look, camera } = session.state;
    const size = { width_px: Number(width.value), height_px: Number(height.value) };
    const seen = { look, camera, fps: Number(fps.value), ...size, background: BACKGROUNDS[behind.value] };
    if (!movement.file) return { ...seen, clip: movement.clip, seconds: Number(seconds.value) };
    if (movement.kind === "voice") return { ...seen, clip: movement.clip };
    return movement.kind === "motion" && motionFps.value ? { ...seen, motion_fps: Number(motionFps.value) } : seen;
  };
  const ask = async () => {
    const form = new FormData();
    form.append("options", JSON.stringify(options()));
    if (movement.file && movement.kind) form.append(movement.kind, movement.file, movement.file.name);
    return (await request(path, { method: "POST", body: form, signal })).json();
  };

  const go = h("button", { class: "main", type: "submit" }, "Animate");
  const status = jobStatus("Making the video", signal);
  const made = h("section", { class: "group", "aria-label": "The video" });
  const clear = () => {
    URL.revokeObjectURL(made.querySelector("video")?.src ?? "");
    made.replaceChildren();
  };
  async function animate() {
    go.disabled = true;
    const name = `${avatar.name || "avatar"}-${movement.kind ?? movement.clip}`;
    const size = { width: Number(width.value), height: Number(height.value) };
    const job = await status.run(ask);
    try {
      if (job) {
        const elements = await shown(job.result, name, size);
        clear();
        made.append(...elements);
        made.scrollIntoView({ block: "nearest" });
      }
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    go.disabled = false;
  }
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void animate();
  };
  signal.addEventListener("abort", clear);

  const element = h("div", {},
    h("form", { class: "group", onsubmit: submit }, movements,
      h("div", { class: "sizes" }, ofClip, ofMotion, h("label", {}, "Frames a second", fps), h("label", {}, "Width, px", width), h("label", {}, "Height, px", height), h("label", {}, "Background", behind)),
      h("p", { class: "soft small" }, "The look and the camera are those on screen; pose and expression come from the movement."),
      h("div", { class: "row" }, go)),
    status.element, made, code.element);
  element.addEventListener("change", code.refresh);
  return { element, refresh: code.refresh };
}

/** @param {Record<string, unknown>} props */
const number = (props) => h("input", { type: "number", required: true, ...props });

/** The video, playing, and what there is to save. @param {any} result of the job @param {string} name of its files
 * @param {{width: number, height: number}} size so that nothing jumps when it has loaded @returns {Promise<HTMLElement[]>} */
async function shown(result, name, size) {
  const [video, motion] = [".mp4", ".json"].map((end) => result.files.find((/** @type {any} */ file) => file.name.endsWith(end)));
  const url = await picture(video.content);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { frames, fps, bridged_frames } = result;
  return [
    h("video", { class: "made-video", src: url, ...size, controls: true, loop: true, playsInline: true, autoplay: !isCalm, "aria-label": "The avatar, animated" }),
    h("p", { class: "soft small" }, `${(frames / fps).toFixed(1)} s, ${frames} frames.`, bridged_frames > 0 && ` In ${bridged_frames} of them the driving video shows no face; the movement goes on across them.`),
    h("div", { class: "row" },
      h("button", { type: "button", onclick: () => save(url, `${name}.mp4`) }, "Save the video"),
      h("button", { type: "button", onclick: () => void saveFrom(motion.content, `${name}.json`) }, "Save the motion")),
  ];
}
