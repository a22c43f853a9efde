/** A job that a panel waits for: how far it is, a way to cancel it, and plain words when it fails. */

import { followJob, request } from "./api.js";
import { duration, h } from "./dom.js";

/** How far a job is, in words. @param {any} job */
export function howFar(job) {
  const { fraction, stage, eta_s } = job.progress;
  if (job.status === "canceling") return "Canceling …";
  if (!stage) return job.queue_position ? `${job.queue_position} before it` : "Starting";
  return `${Math.round(100 * (fraction ?? 0))} %${eta_s ? `, about ${duration(eta_s)} left` : ""}`;
}

/** Why a job ended without a result; empty when that was wanted. @param {any} job */
export function whyNot(job) {
  if (job.status === "canceled") return "";
  return [job.error?.detail, job.error?.hint].filter(Boolean).join(" ") || "It could not be made.";
}

/**
 * Takes no room while no job runs.
 * @param {string} label what is being made @param {AbortSignal} signal ends the waiting, not the job
 * @returns {{element: HTMLElement, run: (ask: () => Promise<any>) => Promise<any>}}
 * `run` takes what starts a job; it resolves with the job that has succeeded, or with null when the page says why not
 */
export function jobStatus(label, signal) {
  const element = h("div", { class: "group" });
  const fail = (/** @type {string} */ text) => element.replaceChildren(...(text ? [h("p", { class: "note bad", role: "alert" }, text)] : []));

  async function run(/** @type {() => Promise<any>} */ ask) {
    const bar = h("div");
    const progress = h("div", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
    const told = h("p", { class: "soft small", role: "status" }, "Sending …");
    const cancel = h("button", { type: "button", disabled: true }, "Cancel");
    element.replaceChildren(progress, told, h("div", { class: "row" }, cancel));
    element.scrollIntoView({ block: "nearest" });
    const tell = (/** @type {any} */ job) => {
      bar.style.transform = `scaleX(${job.progress.fraction ?? 0})`;
      progress.setAttribute("aria-valuenow", String(Math.round(100 * (job.progress.fraction ?? 0))));
      told.textContent = howFar(job);
    };
    try {
      const { job } = await ask();
      tell(job);
      cancel.addEventListener("click", () => void request(`/v1/jobs/${job.id}/cancel`, { method: "POST" }));
      cancel.disabled = false;
      const ended = await followJob(job.id, tell, signal);
      fail(ended.status === "succeeded" ? "" : whyNot(ended));
      return ended.status === "succeeded" ? ended : null;
    } catch (error) {
      if (!signal.aborted) fail(error instanceof Error ? error.message : String(error));
      return null;
    }
  }
  return { element, run };
}
