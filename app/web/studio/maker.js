/** Making an avatar: photo, what was found on it, what to build, and how far it is. */

import { picture, request, sendJson } from "./api.js";
import { buildView } from "./build_view.js";
import { h } from "./dom.js";
import { faceCrop } from "./face_crop.js";
import { whyNot } from "./job_status.js";
import { photoField } from "./photo_field.js";
import { planField } from "./plan_field.js";

/** @param {any} vocabulary @param {() => Promise<void>} changed @returns {{element: HTMLElement, stop: () => void}} */
export function maker(vocabulary, changed) {
  const element = h("div", { class: "maker" });
  const stop = new AbortController();
  const agreed = h("input", { type: "checkbox", id: "agreed" });

  /** The next step, from its beginning. @param {...Node} children */
  const place = (...children) => {
    element.replaceChildren(...children);
    if (element.getBoundingClientRect().top < 0) element.scrollIntoView({ block: "start" });
  };

  /** @param {string} [problem] why the last one could not be used @param {string} [seen] its address */
  function start(problem = "", seen = "") {
    const warning = problem ? refusal(problem, seen) : null;
    const field = photoField((file) => void upload(file), vocabulary.limits.upload_bytes, stop.signal);
    place(h("div", { class: "made" }, warning, field, consent()));
  }

  /** Nothing is sent before the person on the photo is known to agree. @param {Blob} file @param {string} seen */
  function askFirst(file, seen) {
    const go = h("button", { class: "main", type: "button", disabled: true, onclick: () => void upload(file) }, "Continue");
    agreed.onchange = () => (go.disabled = !agreed.checked);
    place(
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
    place(h("div", { class: "made" }, h("div", { class: "photo" }, h("img", { src: seen, alt: "Your photo" })), h("p", { class: "soft", role: "status" }, "Looking for the face …")));
    const form = new FormData();
    form.append("file", file, "photo");
    form.append("consent", JSON.stringify({ version: "1", subject: "authorised" }));
    try {
      const portrait = await (await request("/v1/portraits", { method: "POST", body: form, signal: stop.signal })).json();
      choose(portrait, await picture(portrait.links.image));
    } catch (error) {
      if (!stop.signal.aborted) start(error instanceof Error ? error.message : String(error), seen);
    }
  }

  /** The service forgets a photo that nothing is made of. @param {string} id */
  function discard(id) {
    start();
    void request(`/v1/portraits/${id}`, { method: "DELETE" });
  }

  /** What was found, and what to build. @param {any} portrait @param {string} url */
  function choose(portrait, url) {
    const plan = planField(vocabulary);
    const trouble = h("p", { class: "note bad", role: "alert", hidden: true });
    const go = h("button", { class: "main", type: "button", onclick: () => void build() }, "Build the avatar");

    async function build() {
      go.disabled = true;
      trouble.hidden = true;
      try {
        const made = await sendJson("/v1/avatars", { portrait_id: portrait.id, ...(await plan.recipe()) });
        void changed();
        await follow(made.avatar, made.job, faceCrop(url, portrait, "Your photo"));
      } catch (error) {
        if (stop.signal.aborted) return;
        go.disabled = false;
        trouble.hidden = false;
        trouble.textContent = error instanceof Error ? error.message : String(error);
      }
    }

    const hints = portrait.warnings.map((/** @type {any} */ w) => h("p", { class: "note warn" }, w.message));
    place(
      h("div", { class: "made" },
        analysed(portrait, url), ...(hints.length ? hints : [h("p", { class: "note good" }, "One face, clearly seen: this photo is good.")]),
        plan.element, trouble,
        h("div", { class: "row" }, go, h("button", { type: "button", onclick: () => discard(portrait.id) }, "Another photo"))),
    );
    go.focus({ preventScroll: true });
  }

  /** @param {any} avatar @param {any} job @param {HTMLElement} photo */
  async function follow(avatar, job, photo) {
    const building = buildView(job, photo, stop.signal);
    place(building.element);
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

/** @param {string} problem @param {string} seen the photo's address; empty when it is not about a photo */
const refusal = (problem, seen) =>
  h("div", { class: "note bad refusal", role: "alert" }, seen && h("img", { src: seen, alt: "The photo that cannot be used", onerror: (/** @type {Event} */ e) => /** @type {HTMLElement} */ (e.target).remove() }), h("p", {}, problem));
