/** The request for what is on screen, as lines to copy: for a shell, and for Python. */

import { access } from "./api.js";
import { h, say } from "./dom.js";

/** @typedef {{path: string, body: any, file: string, form?: {part: string, name: string}}} Asked
 * what is asked for: `body` as JSON; with `form`, as the part `options` beside a file. `file` is what the answer is saved as */

/** A value as a Python literal. @param {any} value @returns {string} */
function literal(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${literal(v)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** As one word of a shell. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const hasKey = () => Boolean(access().Authorization);

/** @param {Asked} asked */
const curlBody = ({ body, form }) =>
  form ? `-F options=${quoted(JSON.stringify(body))} \\\n  -F ${form.part}=@${quoted(form.name)}` : `-H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`;

/** @param {Asked} asked */
function pythonBody({ body, form }) {
  const lines = Object.entries(body).map(([name, value]) => `    ${JSON.stringify(name)}: ${literal(value)},`);
  const options = `{\n${lines.join("\n")}\n}`;
  return form ? `data={"options": json.dumps(${options})}, files={${JSON.stringify(form.part)}: open(${JSON.stringify(form.name)}, "rb")}` : `json=${options}`;
}

/** @param {Asked} asked */
function pythonClient({ form }) {
  const modules = [form && "import json\n", hasKey() && "import os\n"].filter(Boolean).join("");
  const headers = hasKey() ? `, headers={"Authorization": f"Bearer {os.environ['PERSE_KEY']}"}` : "";
  return `${modules && `${modules}\n`}import httpx\n\nservice = httpx.Client(base_url="${location.origin}", timeout=120${headers})\n`;
}

/** Of a request whose answer is the file. @param {Asked} asked */
export function answered(asked) {
  const key = hasKey() ? ` \\\n  -H "Authorization: Bearer $PERSE_KEY"` : "";
  return {
    curl: `curl ${location.origin}${asked.path}${key} \\\n  -o ${asked.file} ${curlBody(asked)}`,
    python: `${pythonClient(asked)}made = service.post("${asked.path}", ${pythonBody(asked)})\nopen("${asked.file}", "wb").write(made.raise_for_status().content)`,
  };
}

/** Of a request that begins a job, whose first file is wanted. @param {Asked} asked */
export function queued(asked) {
  const curl = `curl -s${hasKey() ? ' -H "Authorization: Bearer $PERSE_KEY"' : ""} ${location.origin}`;
  return {
    curl: `job=$(${curl}${asked.path} \\\n  ${curlBody(asked)} \\\n  | grep -o 'job_[0-9a-z]*' | head -n 1)\n`
      + `file=$(${curl}/v1/jobs/$job/events | grep -o '/v1/artifacts/[^"]*/content' | head -n 1)\n`
      + `${curl}$file -fL -o ${asked.file}`,
    python: `${pythonClient(asked)}job = service.post("${asked.path}", ${pythonBody(asked)}).raise_for_status().json()["job"]\n`
      + `while job["finished_at"] is None:\n    job = service.get(job["links"]["self"], headers={"Prefer": "wait=30"}).json()\n`
      + `assert job["status"] == "succeeded", job["error"]\n`
      + `made = job["result"].get("files", [job["result"]])[0]\nopen("${asked.file}", "wb").write(service.get(made["content"], follow_redirects=True).content)`,
  };
}

/** Lines under a title, with a button that copies them. @param {string} title @param {HTMLElement} code */
export const snippet = (title, code) =>
  h("section", { class: "group" }, h("header", {}, h("h3", {}, title), h("button", { class: "link", type: "button", "aria-label": `Copy the lines for ${title}`, onclick: () => void copy(code.textContent ?? "") }, "Copy")), code);

/** @param {string} label what the lines do */
export const lines = (label) => h("pre", { class: "code", tabIndex: 0, "aria-label": label });

/**
 * Both ways of asking, folded away. @param {string} what is asked for, as "The same file"
 * @param {() => {curl: string, python: string}} ask @returns {{element: HTMLElement, refresh: () => void}}
 */
export function asCode(what, ask) {
  const [curl, python] = [lines(`${what} with curl`), lines(`${what} with Python`)];
  const refresh = () => {
    if (!element.open) return;
    const now = ask();
    curl.textContent = now.curl;
    python.textContent = now.python;
  };
  const element = h("details", { ontoggle: refresh }, h("summary", {}, "With curl or Python"), h("div", { class: "group" }, snippet("curl", curl), snippet("Python", python)));
  return { element, refresh };
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser does not let this page copy; select the text instead.");
  }
}
