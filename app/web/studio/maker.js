/** Making an avatar: photo, what was found on it, what to build, and how far it is. */

import { picture, request, sendJson } from "./api.js";
import { buildView } from "./build_view.js";
import { h, words } from "./dom.js";
import { whyNot } from "./job_status.js";
import { photoField } from "./photo_field.js";

/** @type {Record<string, string>} */
const PRESET_WORDS = { draft: "About a minute", standard: "Sharper, some minutes", high: "Finest, on a GPU" };

/** @param {any} vocabulary @param {() => Promise<void>} changed @returns {{element: HTMLElement, stop: () => void}} */
export function maker(vocabulary, changed) {
  const element = h("div", { class: "maker" });
  const stop = new AbortController();
  const agreed = h("input", { type: "checkbox", id: "agreed" });

  function start(problem = "") {
    const warning = problem ? h("p", { class: "note bad", role: "alert" }, problem) : null;
    const field = photoField((file) => void upload(file), vocabulary.limits.upload_bytes, stop.signal);
    element.replaceChildren(h("div", { class: "made" }, warning, field, consent()));
  }

  /** Nothing is sent before the person on the photo is known to agree. @param {Blob} file @param {string} seen */
  function askFirst(file, seen) {
    const go = h("button", { class: "main", type: "button", disabled: true, onclick: () => void upload(file) }, "Continue");
    agreed.onchange = () => (go.disabled = !agreed.checked);
    element.replaceChildren(
      h("div", { class: "made" }, h("div", { class: "photo" }, h("img", { src: seen, alt: "Your photo" })), consent(),
        h("div", { class: "row" }, go, h("button", { type: "button", onclick: () => start() }, "Another photo"))),
    );
    agreed.focus();
  }

  const consent = () => h("label", { class: "check" }, agreed, h("span", {}, "This is me, or the person agreed that I make an avatar of them."));

  /** @param {Blob} file */
  async function upload(file) {
    const seen = URL.createObjectURL(file);
    if (!agreed.checked) {
      askFirst(file, seen);
      return;
    }
    element.replaceChildren(h("div", { class: "made" }, h("div", { class: "photo" }, h("img", { src: seen, alt: "Your photo" })), h("p", { class: "soft", role: "status" }, "Looking for the face …")));
    const form = new FormData();
    form.append("file", file, "photo");
    form.append("consent", JSON.stringify({ version: "1", subject: "authorised" }));
    try {
      const portrait = await (await request("/v1/portraits", { method: "POST", body: form, signal: stop.signal })).json();
      choose(portrait, await picture(portrait.links.image));
    } catch (error) {
      if (!stop.signal.aborted) start(error instanceof Error ? error.message : String(error));
    }
  }

  /** The service forgets a photo that nothing is made of. @param {string} id */
  function discard(id) {
    start();
    void request(`/v1/portraits/${id}`, { method: "DELETE" });
  }

  /** What was found, and what to build. @param {any} portrait @param {string} url */
  function choose(portrait, url) {
    let preset = "draft";
    const presets = vocabulary.presets.filter((/** @type {any} */ p) => p.name !== "preview");
    const presetButtons = presets.map((/** @type {any} */ p) =>
      h("button", { type: "button", "aria-pressed": String(p.name === preset), onclick: () => pick(p.name) },
        h("b", {}, words(p.name)), h("small", {}, PRESET_WORDS[p.name] ?? `trained at ${p.size_px} px`)));
    const pick = (/** @type {string} */ name) => {
      preset = name;
      presetButtons.forEach((/** @type {HTMLElement} */ b, /** @type {number} */ i) => b.setAttribute("aria-pressed", String(presets[i].name === name)));
    };
    const editable = vocabulary.categories.filter((/** @type {any} */ c) => c.variants.length);
    const boxes = editable.map((/** @type {any} */ c) => h("input", { type: "checkbox", checked: true, value: c.name }));
    const name = h("input", { type: "text", maxLength: 200, placeholder: "A name for the avatar", "aria-label": "Name" });
    const wish = h("input", { type: "text", maxLength: 500, placeholder: "e.g. a red beanie and a short beard", "aria-label": "Further looks in own words" });
    const trouble = h("p", { class: "note bad", role: "alert", hidden: true });
    const go = h("button", { class: "main", type: "button", onclick: () => void build() }, "Build the avatar");

    async function build() {
      go.disabled = true;
      trouble.hidden = true;
      try {
        const wishes = wish.value.trim() ? (await sendJson("/v1/vocabulary/wishes", { text: wish.value })).wishes : [];
        const unclear = wishes.find((/** @type {any} */ w) => w.problem || w.not_understood.length);
        if (unclear) throw new Error(unclear.problem?.detail ?? `Not understood: ${unclear.not_understood.join(", ")}.`);
        const variants = wishes.map((/** @type {any} */ w) => ({ category: w.category, id: w.variant.id }));
        const chosen = boxes.filter((/** @type {any} */ b) => b.checked).map((/** @type {any} */ b) => b.value);
        const categories = chosen.length === boxes.length ? null : chosen;
        const made = await sendJson("/v1/avatars", { portrait_id: portrait.id, preset, name: name.value.trim() || null, categories, variants });
        void changed();
        await follow(made.avatar, made.job, url);
      } catch (error) {
        if (stop.signal.aborted) return;
        go.disabled = false;
        trouble.hidden = false;
        trouble.textContent = error instanceof Error ? error.message : String(error);
      }
    }

    element.replaceChildren(
      h("div", { class: "made" },
        analysed(portrait, url),
        ...portrait.warnings.map((/** @type {any} */ w) => h("p", { class: "note warn" }, w.message)),
        h("fieldset", {}, h("legend", {}, "Quality"), h("div", { class: "presets" }, ...presetButtons)),
        name,
        h("details", {}, h("summary", {}, "What can be changed later"),
          h("div", { class: "made" },
            h("div", { class: "row" }, ...boxes.map((/** @type {any} */ b) => h("label", { class: "check" }, b, words(b.value)))), wish)),
        trouble,
        h("div", { class: "row" }, go, h("button", { type: "button", onclick: () => discard(portrait.id) }, "Another photo"))),
    );
    go.focus();
  }

  /** @param {any} avatar @param {any} job @param {string} url */
  async function follow(avatar, job, url) {
    const building = buildView(job, url, stop.signal);
    element.replaceChildren(building.element);
    const ended = await building.ended;
    if (stop.signal.aborted) return;
    if (ended.status === "succeeded") location.hash = `#/avatar/${avatar.id}`;
    else start(whyNot(ended));
    void changed();
  }

  const paste = (/** @type {ClipboardEvent} */ event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
    if (file && element.querySelector(".drop")) void upload(file);
  };
  document.addEventListener("paste", paste, { signal: stop.signal });
  start();
  return { element, stop: () => stop.abort() };
}

/** The photo with the face that was found. @param {any} portrait @param {string} url */
function analysed(portrait, url) {
  const box = h("div", { class: "face-box", role: "img", "aria-label": "The face that was found" });
  const { x_px, y_px, width_px, height_px } = portrait.face;
  const percent = (/** @type {number} */ v, /** @type {number} */ of) => `${(100 * v) / of}%`;
  Object.assign(box.style, {
    left: percent(x_px, portrait.width_px), top: percent(y_px, portrait.height_px),
    width: percent(width_px, portrait.width_px), height: percent(height_px, portrait.height_px),
  });
  return h("div", { class: "photo" }, h("img", { src: url, alt: "Your photo", width: portrait.width_px, height: portrait.height_px }), box);
}
