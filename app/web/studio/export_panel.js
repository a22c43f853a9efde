/** What is on screen, as files and as code: pictures from the server, the avatar's files, curl, Python, an embedded viewer. */

import { access, getJson, render, save, saveFrom } from "./api.js";
import { avatarFile } from "./avatar_file.js";
import { h, megabytes, say } from "./dom.js";
import { toAddress } from "./session.js";

const FILES = /** @type {Record<string, string>} */ ({
  "bundle.glb": "Live avatar for the browser", "canonical.ply": "Gaussians, for any 3DGS viewer", "avatar.safetensors": "The model", "avatar.json": "About the model",
  "latents.json": "Latent codes", "turntable.mp4": "Turntable video", "preview.png": "Contact sheet", "metrics.json": "Measurements",
});

/** @param {{avatar: any, session: import("./session.js").Session, vocabulary: any, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened: () => void}} */
export function exportPanel({ avatar, session, vocabulary, signal }) {
  const most = vocabulary.limits.render_px;
  const width = h("input", { type: "number", min: 16, max: most, value: 1024 });
  const height = h("input", { type: "number", min: 16, max: most, value: 1024 });
  const format = h("select", {}, ...["png", "webp", "jpeg"].map((name) => h("option", { value: name }, name.toUpperCase())));
  const behind = h("select", {}, h("option", { value: "transparent" }, "Transparent"), h("option", { value: "grey" }, "Grey"), h("option", { value: "white" }, "White"));
  const body = () => {
    const isClear = behind.value === "transparent" && format.value !== "jpeg";
    const background = isClear ? "transparent" : behind.value === "white" ? [1, 1, 1] : [0.82, 0.84, 0.86];
    const size = { width_px: Number(width.value), height_px: Number(height.value) };
    return { ...session.state, ...size, background, format: format.value };
  };
  const go = h("button", { class: "main", type: "button", onclick: () => void picture() }, "Save the picture");
  async function picture() {
    go.disabled = true;
    try {
      save(await render(avatar.id, body()), `${avatar.name || "avatar"}.${format.value}`);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    go.disabled = false;
  }
  const files = h("ul", { class: "files" });
  const curl = h("pre", { class: "code", tabIndex: 0, "aria-label": "The same picture with curl" });
  const python = h("pre", { class: "code", tabIndex: 0, "aria-label": "The same picture with Python" });
  const frame = h("pre", { class: "code", tabIndex: 0, "aria-label": "The live avatar on another page" });
  const link = h("button", { type: "button", onclick: () => void copy(location.href) }, "Copy a link to this view");

  function refresh() {
    if (element.hidden) return;
    const { state } = session;
    const key = access().Authorization ? ` \\\n  -H "Authorization: Bearer $PERSE_KEY"` : "";
    curl.textContent = `curl ${location.origin}/v1/avatars/${avatar.id}/renders${key} \\\n  -H 'Content-Type: application/json' -o avatar.${format.value} \\\n  -d '${JSON.stringify(body())}'`;
    python.textContent = pythonFor(avatar.id, state, body());
    frame.textContent = `<iframe src="${location.origin}/embed#${avatar.id}${toAddress(state).replaceAll("'", "%27")}"\n  width="480" height="480" title="Avatar" style="border:0"></iframe>`;
  }
  async function opened() {
    const { data } = await getJson(`/v1/avatars/${avatar.id}/artifacts?limit=100`);
    files.replaceChildren(...data.filter((/** @type {any} */ a) => a.name in FILES).map((/** @type {any} */ a) =>
      h("li", {}, h("span", {}, FILES[a.name], h("span", { class: "soft small" }, ` · ${megabytes(a.size_bytes)}`)),
        h("button", { class: "link", type: "button", onclick: () => void saveFrom(a.links.content, a.name) }, a.name))));
  }
  for (const field of [width, height, format, behind]) field.addEventListener("change", refresh);
  const element = h("div", {},
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Picture")),
      h("div", { class: "sizes" }, h("label", {}, "Width, px", width), h("label", {}, "Height, px", height), h("label", {}, "Format", format), h("label", {}, "Background", behind)),
      h("div", { class: "row" }, go, link)),
    avatarFile({ avatar, session, signal }),
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Files")), files),
    snippet("curl", curl), snippet("Python", python), snippet("Embed", frame));
  new MutationObserver(refresh).observe(element, { attributes: true, attributeFilter: ["hidden"] });
  return { element, refresh, opened: () => void opened() };
}

/** @param {string} title @param {HTMLElement} code */
const snippet = (title, code) =>
  h("section", { class: "group" }, h("header", {}, h("h2", {}, title), h("button", { class: "link", type: "button", "aria-label": `Copy ${title}`, onclick: () => void copy(code.textContent ?? "") }, "Copy")), code);

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser does not let this page copy; select the text instead.");
  }
}

/** @param {string} id @param {import("../viewer/types.js").State} state @param {any} body */
function pythonFor(id, state, body) {
  const { camera, pose } = state;
  const py = (/** @type {unknown} */ value) => JSON.stringify(value).replace(/":/g, '": ').replace(/,"/g, ', "');
  const own = Object.entries({
    camera: py(camera), pose: py(pose), expression: py(state.expression), look: py(state.look),
    width_px: body.width_px, height_px: body.height_px, background: py(body.background), format: py(body.format),
  }).map(([name, text]) => `    "${name}": ${text},`);
  const headers = access().Authorization ? ', headers={"Authorization": f"Bearer {KEY}"}' : "";
  return `import httpx\n\npicture = httpx.post("${location.origin}/v1/avatars/${id}/renders"${headers}, json={\n${own.join("\n")}\n})\nopen("avatar.${body.format}", "wb").write(picture.raise_for_status().content)`;
}
