/** An avatar that is being built: how far it is, and how it looks so far. */

import { followJob, picture, request } from "./api.js";
import { h } from "./dom.js";
import { howFar } from "./job_status.js";

const STAGES = /** @type {[string, string][]} */ ([
  ["compile", "Getting ready"], ["subject", "Reading the face"], ["synthesis", "Making training pictures"], ["placing", "Shaping the head"],
  ["training", "Training the avatar"], ["evaluation", "Measuring"], ["artifacts", "Writing files"], ["turntable", "Filming it all around"],
]);
/** The cells of a preview, left to right, and where a picture of all of them is cropped to each. */
const CELLS = /** @type {[string, string][]} */ ([["The avatar so far", "0%"], ["Turned, smiling", "50%"], ["With one of its variants", "100%"]]);

/**
 * @param {any} job @param {HTMLElement | null} photo the face on it, if it is there @param {AbortSignal} signal ends the
 * following, not the job @returns {{element: HTMLElement, ended: Promise<any>}} the job when it has ended
 */
export function buildView(job, photo, signal) {
  const shown = h("div", { class: "growing" }, photo);
  const bar = h("div");
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Building the avatar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const left = h("p", { class: "soft small", role: "status" });
  const list = STAGES.map(([, text]) => h("li", {}, text));
  const cancel = h("button", { type: "button", onclick: () => void request(`/v1/jobs/${job.id}/cancel`, { method: "POST" }) }, "Cancel");
  let address = "";
  let url = "";

  /** @param {string} next */
  async function preview(next) {
    if (next === address) return;
    address = next;
    const newer = await picture(next).catch(() => null);
    if (!newer || signal.aborted) return;
    if (shown.querySelector(".cell")) shown.querySelectorAll(".cell").forEach((/** @type {HTMLImageElement} */ img) => (img.src = newer));
    else shown.prepend(...CELLS.map(([alt, at]) => h("img", { class: "cell", src: newer, alt, title: alt, style: `object-position: ${at}` })));
    URL.revokeObjectURL(url);
    url = newer;
  }
  const tell = (/** @type {any} */ now) => {
    const { fraction, stage } = now.progress;
    bar.style.transform = `scaleX(${fraction ?? 0})`;
    progress.setAttribute("aria-valuenow", String(Math.round(100 * (fraction ?? 0))));
    const at = STAGES.findIndex(([name]) => name === stage);
    list.forEach((item, i) => (item.className = at < 0 ? "" : i < at ? "done" : i === at ? "now" : ""));
    left.textContent = howFar(now);
    if (now.links.preview) void preview(now.links.preview);
  };
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  tell(job);
  const element = h("div", { class: "made" }, shown, progress, left, h("ol", { class: "stages" }, ...list),
    h("div", { class: "row" }, cancel, h("span", { class: "soft small" }, "You may close this page; the building goes on.")));
  return { element, ended: followJob(job.id, tell, signal) };
}
