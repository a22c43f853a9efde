/** What is on screen, as files and as code: pictures from the server, the avatar's files, curl, Python, an embedded viewer. */

import { getJson, render, save, saveFrom } from "./api.js";
import { avatarFile } from "./avatar_file.js";
import { h, megabytes, say } from "./dom.js";
import { toAddress } from "./session.js";
import { answered, asCode, copy, lines, snippet } from "./snippets.js";

const FILES = /** @type {Record<string, string>} */ ({
  "bundle.glb": "Live avatar for the browser", "canonical.ply": "PLY, for any 3DGS viewer", "avatar.safetensors": "The model", "avatar.json": "About the model",
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
  const path = `/v1/avatars/${avatar.id}/renders`;
  const code = asCode("The same picture", () => answered({ path, body: body(), file: `avatar.${format.value}` }));
  const file = avatarFile({ avatar, session, signal });
  const frame = lines("The live avatar on another page");
  const link = h("button", { type: "button", onclick: () => void copy(location.href) }, "Copy the link");

  function refresh() {
    if (element.hidden) return;
    code.refresh();
    file.refresh();
    frame.textContent = `<iframe src="${location.origin}/embed#${avatar.id}${toAddress(session.state).replaceAll("'", "%27")}"\n  width="480" height="480" title="Avatar" style="border:0"></iframe>`;
  }
  async function opened() {
    const { data } = await getJson(`/v1/avatars/${avatar.id}/artifacts?limit=100`);
    files.replaceChildren(...data.filter((/** @type {any} */ a) => a.name in FILES).map((/** @type {any} */ a) =>
      h("li", {}, h("span", {}, FILES[a.name], h("span", { class: "soft small" }, ` · ${megabytes(a.size_bytes)}`)),
        h("button", { class: "link", type: "button", onclick: () => void saveFrom(a.links.content, a.name) }, a.name))));
  }
  const about = () => {
    const { editor, animator } = avatar.recipe;
    const made = avatar.ready_at && `Made ${new Date(avatar.ready_at).toLocaleString()}`;
    return [made, `quality ${avatar.recipe.preset}`, `${avatar.gaussians.toLocaleString()} Gaussians`, `pictures by ${editor} and ${animator}`].filter(Boolean).join(", ");
  };
  for (const field of [width, height, format, behind]) field.addEventListener("change", refresh);
  const element = h("div", {},
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Picture")),
      h("div", { class: "sizes" }, h("label", {}, "Width, px", width), h("label", {}, "Height, px", height), h("label", {}, "Format", format), h("label", {}, "Background", behind)),
      h("div", { class: "row" }, go, link), code.element),
    file.element,
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "Files")), files, h("p", { class: "soft small" }, `${about()}.`)),
    h("section", { class: "group" }, h("header", {}, h("h2", {}, "On another site")), snippet("HTML", frame)));
  new MutationObserver(refresh).observe(element, { attributes: true, attributeFilter: ["hidden"] });
  return { element, refresh, opened: () => void opened() };
}
