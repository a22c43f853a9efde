/** One category: a strip of its variants, an amount for each that is on, and a wish for one more. */

import { followJob, render, request } from "./api.js";
import { confirmed } from "./dialog.js";
import { h, words } from "./dom.js";
import { slider } from "./slider.js";
import { wishField } from "./wish_field.js";

/** @typedef {import("./session.js").Session} Session */

const SHOT = { width_px: 168, height_px: 168, background: "transparent", format: "webp" };
/** @type {Record<string, object>} where to look at a category from */
const CLOSER = {
  nose: { distance: 0.62 }, mouth: { distance: 0.62 }, eyebrows: { distance: 0.62 }, eyeglasses: { distance: 0.7 }, beard: { distance: 0.75 }, skin: { distance: 0.75 },
};
/** Thumbnails are made one after the other: renders of the view itself come first. */
let queue = Promise.resolve();

/**
 * @param {{avatar: any, session: Session, category: string, reload: () => Promise<void>, signal: AbortSignal}} context
 * @returns {{element: HTMLElement, refresh: () => void}}
 */
export function categoryGroup({ avatar, session, category, reload, signal }) {
  const ids = /** @type {string[]} */ (avatar.variants[category]);
  /** @type {(id: string) => any} */
  const added = (id) => (avatar.added ?? []).find((/** @type {any} */ a) => a.category === category && a.id === id);
  const label = (/** @type {string} */ id) => (added(id) ? words(added(id).prompt) : words(id));
  const weights = () => /** @type {Record<string, number>} */ (session.state.look[category] ?? {});
  const set = (/** @type {Record<string, number>} */ next, /** @type {boolean} */ isStep) => {
    const { [category]: _, ...others } = session.state.look;
    const own = Object.fromEntries(Object.entries(next).filter(([, w]) => w > 0.001));
    session.set({ look: Object.keys(own).length ? { ...others, [category]: own } : others }, isStep);
  };
  /** Set one weight; the others of the category make room. @param {string} id @param {number} weight @param {boolean} isStep */
  const weigh = (id, weight, isStep) => {
    const { [id]: _, ...others } = weights();
    const sum = Object.values(others).reduce((a, b) => a + b, 0);
    const room = sum > 1 - weight ? (1 - weight) / sum : 1;
    const kept = Object.fromEntries(Object.entries(others).map(([k, w]) => [k, Math.floor(w * room * 1000) / 1000]));
    set({ ...kept, [id]: weight }, isStep);
  };
  /** On, mixed half and half with another that is on, or off. @param {string} id */
  const toggle = (id) => {
    const now = weights();
    if (now[id]) {
      const { [id]: _, ...rest } = now;
      set(rest, true);
    } else set({ [id]: 1 }, true);
  };

  const shots = [null, ...ids].map((id) => {
    const img = h("img", { class: "shot", alt: "", width: 84, height: 84, loading: "lazy", src: "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==" });
    const button = h("button", { class: "variant", type: "button", title: id ? label(id) : "The source look", onclick: () => (id ? toggle(id) : set({}, true)) }, img, h("span", {}, id ? label(id) : "Source"));
    return { id, img, button };
  });
  const mix = h("button", { class: "link", type: "button", onclick: () => startMix() }, "Mix two");
  const startMix = () => {
    const first = Object.keys(weights())[0] ?? ids[0];
    const second = ids[(ids.indexOf(first) + 1) % ids.length];
    set({ [first]: 0.5, [second]: 0.5 }, true);
  };
  const amounts = h("div", { class: "group" });
  /** A variant that was added can be taken away again. @param {string} id @returns {HTMLElement} */
  const unlearn = (id) =>
    h("button", {
      class: "link", type: "button",
      onclick: async () => {
        if (!(await confirmed(`Unlearn “${label(id)}”?`, "The avatar forgets it. It can be taught again.", "Unlearn it"))) return;
        toggle(id);
        const answer = await request(`/v1/avatars/${avatar.id}/variants/${category}/${id}`, { method: "DELETE" });
        await followJob((await answer.json()).job.id, () => undefined, signal);
        await reload();
      },
    }, `Unlearn ${label(id)}`);
  /** @type {Map<string, {element: HTMLElement, set: (v: number) => void}>} */
  let sliders = new Map();
  const refresh = () => {
    const now = weights();
    const on = ids.filter((id) => now[id] > 0);
    shots.forEach(({ id, button }) => button.setAttribute("aria-pressed", String(id ? on.includes(id) : !on.length)));
    if (on.join() !== [...sliders.keys()].join()) {
      sliders = new Map(on.map((id) => [id, slider({
        label: on.length > 1 ? label(id) : "Amount", value: now[id], min: 0, max: 1, step: 0.01, unit: " %", scale: 100,
        input: (v) => weigh(id, Math.max(v, 0.002), false), done: () => session.step(),
      })]));
      amounts.replaceChildren(...[...sliders.values()].map((s) => s.element), ...on.filter(added).map(unlearn));
    }
    sliders.forEach((s, id) => s.set(now[id]));
    mix.hidden = ids.length < 2;
  };

  const photograph = () => {
    for (const { id, img } of shots) {
      queue = queue.then(async () => {
        if (signal.aborted) return;
        const camera = CLOSER[category] ?? { distance: 1 };
        const url = await render(avatar.id, { ...SHOT, camera, look: id ? { [category]: { [id]: 1 } } : {} }).catch(() => null);
        if (url) img.src = url;
      });
    }
  };
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    photograph();
  });
  /** Worn at once. @param {string} id */
  const learnt = async (id) => {
    await reload();
    set({ [id]: 1 }, true);
  };
  const heading = `category-${category}`;
  const element = h("section", { class: "group", "aria-labelledby": heading },
    h("header", {}, h("h2", { id: heading }, words(category)), mix),
    h("div", { class: "strip" }, ...shots.map((s) => s.button)), amounts, wishField({ avatar, category, learnt, signal }));
  watcher.observe(element);
  signal.addEventListener("abort", () => watcher.disconnect());
  refresh();
  return { element, refresh };
}
