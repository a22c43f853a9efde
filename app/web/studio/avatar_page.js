/** One avatar: the live view in the middle, its controls beside it. */

import { orbitBy } from "../viewer/orbit.js";
import { Viewer, restState } from "../viewer/viewer.js";
import { animationPanel } from "./animation_panel.js";
import { access, getJson } from "./api.js";
import { h, iconButton, say } from "./dom.js";
import { exportPanel } from "./export_panel.js";
import { portraitFace } from "./face_crop.js";
import { facePanel } from "./face_panel.js";
import { lookPanel } from "./look_panel.js";
import { moved } from "./motion.js";
import { posePanel } from "./pose_panel.js";
import { Session, fromAddress } from "./session.js";
import { waitingPage } from "./waiting_page.js";

const BUNDLE = "bundle.glb";

/**
 * @param {HTMLElement} main @param {HTMLElement} bar @param {string} id @param {any} vocabulary
 * @param {() => void} again makes the page anew @returns {Promise<() => void>}
 */
export async function avatarPage(main, bar, id, vocabulary, again) {
  const avatar = await getJson(`/v1/avatars/${id}`);
  const path = `#/avatar/${id}`;
  const stop = new AbortController();
  document.title = `${avatar.name || "Avatar"} · Perse`;
  bar.append(h("a", { class: "quiet", href: "#/" }, "All avatars"), h("span", { class: "name" }, avatar.name || "Avatar"));
  if (avatar.status !== "ready") {
    void waitingPage(main, avatar, again, stop.signal);
    return () => stop.abort();
  }
  const session = new Session(path);

  const canvas = h("canvas", { tabIndex: 0, role: "img", "aria-label": "The avatar. Turn it with the arrow keys, come closer with plus and minus.", "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown + - Home" });
  const loading = h("div", { class: "loading", role: "status" }, h("p", {}, "Loading the avatar …"), h("div", { class: "progress", "aria-hidden": "true" }, h("div")));
  const hint = h("p", { class: "note warn small hint", hidden: true }, "Beyond this angle the avatar guesses.");
  const photo = h("div", { class: "source-photo", hidden: true });
  const dock = h("div", { class: "dock", role: "toolbar", "aria-label": "View" });
  const stage = h("section", { class: "stage", "aria-label": "Live view" }, canvas, loading, photo, hint, dock);

  const viewer = new Viewer(canvas);
  let isComparing = false;
  /** @type {import("./motion.js").Motion | null} */
  let motion = null;

  const show = (/** @type {number} */ t = performance.now() / 1000) => {
    const { state } = session;
    const rest = { ...restState(), camera: state.camera };
    viewer.show(isComparing ? rest : motion ? moved(state, motion, t) : state);
    const limits = avatar.pose_limits_deg ?? { yaw: [-90, 90], pitch: [-90, 90] };
    const [yaw, pitch] = [state.pose.yaw_deg - state.camera.yaw_deg, state.pose.pitch_deg - state.camera.pitch_deg];
    hint.hidden = yaw >= limits.yaw[0] && yaw <= limits.yaw[1] && pitch >= limits.pitch[0] && pitch <= limits.pitch[1];
  };
  const play = (/** @type {import("./motion.js").Motion | null} */ kind) => {
    const was = motion;
    motion = kind;
    const step = () => {
      if (!motion || stop.signal.aborted) return;
      if (!document.hidden) show();
      requestAnimationFrame(step);
    };
    if (kind && !was) requestAnimationFrame(step);
    if (!kind) show();
    session.dispatchEvent(new Event("changed"));
  };

  const undo = iconButton("undo", "Undo", () => session.go(-1));
  const redo = iconButton("redo", "Redo", () => session.go(1));
  const compare = iconButton("compare", "Before and after: hold to see the source", () => undefined);
  const hold = (/** @type {boolean} */ on) => () => {
    isComparing = on;
    compare.setAttribute("aria-pressed", String(on));
    show();
  };
  compare.addEventListener("pointerdown", hold(true));
  for (const end of ["pointerup", "pointerleave", "blur", "keyup"]) compare.addEventListener(end, () => isComparing && hold(false)());
  compare.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => (e.key === " " || e.key === "Enter") && hold(true)());
  const showPhoto = iconButton("photo", "Show the photo beside it", async () => {
    photo.hidden = !photo.hidden;
    showPhoto.setAttribute("aria-pressed", String(!photo.hidden));
    if (!photo.firstChild) {
      const seen = await portraitFace(avatar.portrait_id, "The photo that the avatar was made from");
      if (seen) photo.replaceChildren(seen);
      else {
        photo.hidden = true;
        say("The photo is no longer there.");
      }
    }
  });
  const reset = iconButton("reset", "Back to the start", () => session.set(restState(), true));
  dock.append(undo, redo, reset, compare, showPhoto);

  const panels = [
    { name: "Look", ...lookPanel({ avatar, session, vocabulary, reload: () => open(true), signal: stop.signal }) },
    { name: "Face", ...facePanel({ session, vocabulary, play, playing: () => motion, signal: stop.signal }) },
    { name: "Pose", ...posePanel({ avatar, session }) },
    { name: "Animate", ...animationPanel({ avatar, session, vocabulary, signal: stop.signal }) },
    { name: "Export", ...exportPanel({ avatar, session, vocabulary, signal: stop.signal }) },
  ];
  main.append(h("div", { class: "studio" }, stage, tabbed(panels)));

  const refresh = () => {
    undo.disabled = !session.can(-1);
    redo.disabled = !session.can(1);
    show();
    panels.forEach((panel) => panel.refresh());
  };
  session.addEventListener("changed", refresh);
  const stopOrbit = orbitBy(canvas, () => session.state.camera, (camera, isEnd) => session.set({ camera }, isEnd));
  window.addEventListener("keydown", (event) => {
    const isField = event.target instanceof HTMLInputElement && event.target.type !== "range";
    if (isField || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    session.go(event.shiftKey ? 1 : -1);
  }, { signal: stop.signal });
  window.addEventListener("hashchange", () => {
    const state = location.hash.startsWith(path) && fromAddress(location.hash);
    if (state) session.set(state, true);
  }, { signal: stop.signal });
  viewer.addEventListener("loaded", (event) => {
    const bar = /** @type {HTMLElement | null} */ (loading.querySelector(".progress > div"));
    if (bar) bar.style.transform = `scaleX(${/** @type {CustomEvent} */ (event).detail})`;
  });
  viewer.addEventListener("failed", (event) => say(/** @type {CustomEvent} */ (event).detail));

  /** @param {boolean} again after the avatar's files have changed */
  async function open(again = false) {
    try {
      if (again) Object.assign(avatar, await getJson(`/v1/avatars/${id}`));
      const { data } = await getJson(`/v1/avatars/${id}/artifacts?limit=100`);
      const bundle = data.find((/** @type {any} */ a) => a.name === BUNDLE);
      if (!bundle) throw new Error("This avatar was made before there was a live view. Build it again to see it here.");
      await viewer.open(bundle.links.content, access());
      loading.remove();
      document.body.dataset.live = avatar.id;
      panels.forEach((panel) => panel.opened?.());
      refresh();
    } catch (error) {
      if (stop.signal.aborted) return;
      loading.replaceChildren(h("p", { class: "note bad", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  Object.assign(window, { perse: { viewer, session } });
  refresh();
  void open();
  return () => {
    stop.abort();
    motion = null;
    session.close();
    stopOrbit();
    viewer.dispose();
    delete document.body.dataset.live;
  };
}

/** @param {{name: string, element: HTMLElement}[]} panels */
function tabbed(panels) {
  const tabs = panels.map(({ name }, i) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => select(i) }, name));
  const select = (/** @type {number} */ chosen) =>
    panels.forEach(({ element }, i) => {
      element.hidden = i !== chosen;
      tabs[i].setAttribute("aria-selected", String(i === chosen));
      tabs[i].tabIndex = i === chosen ? 0 : -1;
    });
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Controls" }, ...tabs);
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    select(next);
    tabs[next].focus();
  });
  panels.forEach(({ name, element }) => {
    element.id = `panel-${name}`;
    element.classList.add("tab");
    element.setAttribute("role", "tabpanel");
    element.setAttribute("aria-labelledby", `tab-${name}`);
  });
  select(0);
  return h("aside", { class: "panel", "aria-label": "Controls" }, list, ...panels.map((p) => p.element));
}
