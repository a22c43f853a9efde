/** One more variant of a category, in own words or as on a picture; a job teaches it to the avatar. */

import { followJob, request, sendJson } from "./api.js";
import { h, iconButton, say } from "./dom.js";
import { howFar, whyNot } from "./job_status.js";

/**
 * @param {{avatar: any, category: string, learnt: (id: string) => Promise<void>, signal: AbortSignal}} context
 * `learnt` is told the variant's id @returns {HTMLElement}
 */
export function wishField({ avatar, category, learnt, signal }) {
  const own = h("input", { type: "text", maxLength: 500, placeholder: "Another, in your words", "aria-label": `Another ${category}, in your words` });
  const go = h("button", { type: "submit" }, "Add");
  const file = h("input", { type: "file", accept: "image/jpeg,image/png,image/webp", hidden: true, class: "reference", "aria-label": `A picture of another ${category}` });
  const pick = iconButton("photo", `Another ${category}, as on a picture`, () => file.click());
  const shown = h("div", { class: "group" });
  const told = h("p", { class: "soft small", role: "status", hidden: true });
  const tell = (/** @type {string} */ text, isBad = false) => {
    told.hidden = !text;
    told.textContent = text;
    told.className = isBad ? "note bad small" : "soft small";
  };

  /** @param {() => Promise<any>} ask what starts the job */
  async function learn(ask) {
    go.disabled = pick.disabled = true;
    tell("Sending …");
    try {
      const { job } = await ask();
      const ended = await followJob(job.id, (now) => tell(`Learning it: ${howFar(now)}`), signal);
      tell(whyNotOf(ended), true);
      if (ended.status === "succeeded") {
        own.value = "";
        say("The avatar has learnt it.");
        await learnt(ended.result.variant);
      }
    } catch (error) {
      if (!signal.aborted) tell(error instanceof Error ? error.message : String(error), true);
    }
    go.disabled = pick.disabled = false;
  }
  const byWords = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!own.value.trim()) return own.focus();
    const prompt = own.value.includes(category) ? own.value : `${own.value} ${category}`;
    void learn(() => sendJson(`/v1/avatars/${avatar.id}/variants`, { category, prompt }));
  };
  /** The picture is a portrait of the service's for as long as it takes. @param {Blob} picture */
  const byPicture = async (picture) => {
    const form = new FormData();
    form.append("file", picture, "reference");
    form.append("consent", JSON.stringify({ version: "1", subject: "authorised" }));
    let portrait = "";
    await learn(async () => {
      portrait = (await (await request("/v1/portraits", { method: "POST", body: form, signal })).json()).id;
      return sendJson(`/v1/avatars/${avatar.id}/variants`, { category, portrait_id: portrait, method: "inversion" });
    });
    if (portrait && !signal.aborted) await request(`/v1/portraits/${portrait}`, { method: "DELETE" });
  };
  file.addEventListener("change", () => {
    const picture = file.files?.[0];
    file.value = "";
    if (!picture) return;
    tell("");
    const url = URL.createObjectURL(picture);
    const close = () => {
      URL.revokeObjectURL(url);
      shown.replaceChildren();
    };
    const agreed = h("input", { type: "checkbox", onchange: () => (start.disabled = !agreed.checked) });
    const start = h("button", { class: "main", type: "button", disabled: true, onclick: () => {
      close();
      void byPicture(picture);
    } }, "Learn it");
    shown.replaceChildren(
      h("div", { class: "reference-photo" }, h("img", { src: url, alt: "The picture" }),
        h("div", { class: "group" },
          h("p", { class: "soft small" }, `A photo of the same person, edited or not, with the ${category} that you want. The service erases it when it is learnt.`),
          h("label", { class: "check" }, agreed, "This is me, or the person agreed."))),
      h("div", { class: "row" }, start, h("button", { type: "button", onclick: close }, "Not this one")));
    agreed.focus();
  });
  return h("div", { class: "group" }, h("form", { class: "wish", onsubmit: byWords }, own, pick, go, file), shown, told);
}

/** @param {any} job */
const whyNotOf = (job) => (job.status === "succeeded" ? "" : whyNot(job) || "It was canceled.");
