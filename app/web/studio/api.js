/** The REST API, as the page uses it. Errors carry the service's own words. */

const KEY = "perse-key";

/** What the service refused, in its words. */
export class Refused extends Error {
  /** @param {any} problem @param {number} status */
  constructor(problem, status) {
    super([problem.detail ?? problem.title ?? `The service answered ${status}.`, problem.hint].filter(Boolean).join(" "));
    this.code = problem.code ?? "";
    this.status = status;
  }
}

/** Headers that every request needs. @returns {Record<string, string>} */
export function access() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** @param {string} key */
export const useKey = (key) => sessionStorage.setItem(KEY, key);

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
export async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...access(), ...(options.headers ?? {}) } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused({ detail: "The service cannot be reached." }, 0);
  }
  if (answer.ok) return answer;
  throw new Refused(await answer.json().catch(() => ({})), answer.status);
}

/** @param {string} path */
export const getJson = async (path) => (await request(path)).json();

/** @param {string} path @param {unknown} body @param {string} [method] */
export async function sendJson(path, body, method = "POST") {
  return (await request(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).json();
}

/** A picture or video as an address for <img> or <video>. @param {string} path @param {RequestInit} [options] */
export async function picture(path, options) {
  return URL.createObjectURL(await (await request(path, options)).blob());
}

/** A render as an address for <img>. @param {string} avatar @param {object} body */
export const render = (avatar, body) =>
  picture(`/v1/avatars/${avatar}/renders`, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

/** Save a blob as a file. @param {string} url @param {string} name */
export function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** Save what the service has there as a file. @param {string} path @param {string} name */
export const saveFrom = async (path, name) => save(await picture(path), name);

const ENDED = ["succeeded", "failed", "canceled", "expired"];

/**
 * Follow a job to its end: by its events, or by polling where there is no stream to be had.
 * @param {string} id @param {(job: any) => void} tell @param {AbortSignal} signal @returns {Promise<any>} the ended job
 */
export async function followJob(id, tell, signal) {
  for (;;) {
    try {
      const job = await streamed(id, tell, signal);
      if (job && ENDED.includes(job.status)) return job;
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status === 404)) throw error;
    }
    const job = await (await request(`/v1/jobs/${id}`, { signal, headers: { Prefer: "wait=2" } })).json();
    tell(job);
    if (ENDED.includes(job.status)) return job;
  }
}

/** @param {string} id @param {(job: any) => void} tell @param {AbortSignal} signal */
async function streamed(id, tell, signal) {
  const answer = await request(`/v1/jobs/${id}/events`, { signal });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let rest = "";
  let job = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return job;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (!data) continue;
      job = JSON.parse(data.slice(6));
      tell(job);
    }
  }
}
