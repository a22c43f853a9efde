/** The avatar as it is on screen, as a file for another program; a job writes it. */

import { saveFrom, sendJson } from "./api.js";
import { h, say } from "./dom.js";
import { jobStatus } from "./job_status.js";
import { asCode, queued } from "./snippets.js";

const ON_SCREEN = "With the look, the pose and the expression that are on screen.";
/** @type {Record<string, {label: string, format: string, content?: string, turns?: boolean, note: string}>} */
const KINDS = {
  ply: { label: "PLY, for any 3DGS viewer", format: "ply", turns: true, note: ON_SCREEN },
  spz: { label: "SPZ, packed small", format: "spz", note: ON_SCREEN },
  splat: { label: ".splat, for viewers on the web", format: "splat", turns: true, note: ON_SCREEN },
  glb: { label: "GLB with Gaussians", format: "glb", note: ON_SCREEN },
  rig: { label: "GLB with the rig", format: "glb", content: "rig", note: "The source look's mesh with skin and all expressions as morph targets, to be animated elsewhere." },
  both: { label: "GLB with both", format: "glb", content: "both", note: "The Gaussians as on screen, and the source look's rig." },
  mesh: { label: "GLB with a still mesh", format: "glb", content: "mesh", note: "The source look's mesh, in the pose and with the expression that are on screen." },
};

/** @param {{avatar: any, session: import("./session.js").Session, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void}} */
export function avatarFile({ avatar, session, signal }) {
  const kind = h("select", { onchange: () => refresh() }, ...Object.entries(KINDS).map(([value, { label }]) => h("option", { value }, label)));
  const isDown = h("input", { type: "checkbox" });
  const turned = h("label", { class: "check" }, isDown, "Upside down, for viewers whose y axis points down");
  const note = h("p", { class: "soft small" });
  const go = h("button", { class: "main", type: "button", onclick: () => void write() }, "Save the file");
  const status = jobStatus("Writing the file", signal);
  const refresh = () => {
    note.textContent = KINDS[kind.value].note;
    turned.hidden = !KINDS[kind.value].turns;
    code.refresh();
  };
  const path = `/v1/avatars/${avatar.id}/exports`;
  const body = () => {
    const { format, content = "gaussians", turns } = KINDS[kind.value];
    const { look, pose, expression } = session.state;
    return { format, content, look, pose, expression, y_down: Boolean(turns && isDown.checked) };
  };
  const code = asCode("The same file", () => queued({ path, body: body(), file: `avatar.${KINDS[kind.value].format}` }));

  async function write() {
    go.disabled = true;
    const wish = body();
    const job = await status.run(() => sendJson(path, wish));
    if (job) await saveFrom(job.result.content, `${avatar.name || "avatar"}.${wish.format}`).catch((error) => say(error.message));
    go.disabled = false;
  }

  isDown.addEventListener("change", refresh);
  refresh();
  const element = h("section", { class: "group" }, h("header", {}, h("h2", {}, "For another program")),
    h("div", { class: "sizes wide" }, h("label", {}, "Kind of file", kind)), note, turned, h("div", { class: "row" }, go), status.element, code.element);
  return { element, refresh };
}
