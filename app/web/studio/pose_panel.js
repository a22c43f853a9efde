/** Where the head, the eyes and the camera are turned. */

import { DISTANCE } from "../viewer/orbit.js";
import { restState } from "../viewer/viewer.js";
import { h } from "./dom.js";
import { slider } from "./slider.js";

/** @param {{avatar: any, session: import("./session.js").Session}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened?: () => void}} */
export function posePanel({ avatar, session }) {
  const pose = () => session.state.pose;
  const camera = () => session.state.camera;
  const turn = (/** @type {"yaw_deg" | "pitch_deg" | "roll_deg"} */ name) => ({
    read: () => pose()[name], write: (/** @type {number} */ v) => session.set({ pose: { ...pose(), [name]: v } }, false),
  });
  const look = (/** @type {"yaw_deg" | "pitch_deg"} */ name) => ({
    read: () => pose().gaze[name], write: (/** @type {number} */ v) => session.set({ pose: { ...pose(), gaze: { ...pose().gaze, [name]: v } } }, false),
  });
  const view = (/** @type {keyof import("../viewer/types.js").CameraState} */ name) => ({
    read: () => camera()[name], write: (/** @type {number} */ v) => session.set({ camera: { ...camera(), [name]: v } }, false),
  });
  const limits = avatar.pose_limits_deg ?? {};
  /** Between which angles the avatar is sure: what counts is how the head stands to the camera.
   * @type {Record<string, () => [number, number] | undefined>} */
  const surely = {
    Turn: () => limits.yaw?.map((/** @type {number} */ v) => v + camera().yaw_deg),
    Nod: () => limits.pitch?.map((/** @type {number} */ v) => v + camera().pitch_deg),
    Tilt: () => limits.roll,
    Around: () => limits.yaw?.map((/** @type {number} */ v) => pose().yaw_deg - v).reverse(),
    Height: () => limits.pitch?.map((/** @type {number} */ v) => pose().pitch_deg - v).reverse(),
  };
  /** @type {[string, [string, number, number, {read: () => number, write: (v: number) => void}][]][]} */
  const groups = [
    ["Head", [["Turn", -45, 45, turn("yaw_deg")], ["Nod", -30, 30, turn("pitch_deg")], ["Tilt", -30, 30, turn("roll_deg")]]],
    ["Eyes", [["Left and right", -30, 30, look("yaw_deg")], ["Up and down", -25, 25, look("pitch_deg")]]],
    ["Camera", [["Around", -90, 90, view("yaw_deg")], ["Height", -60, 60, view("pitch_deg")], ["Distance", DISTANCE[0], DISTANCE[1], view("distance")]]],
  ];
  /** @type {(() => void)[]} */
  const updates = [];
  const rest = restState();
  const element = h("div", {}, ...groups.map(([title, rows]) => {
    const made = rows.map(([label, min, max, { read, write }]) => {
      const isDistance = label === "Distance";
      const one = slider({ label, value: read(), min, max, step: isDistance ? 0.01 : 0.5, unit: isDistance ? " cm" : "°", scale: isDistance ? 100 : 1, input: write, done: () => session.step() });
      updates.push(() => {
        one.set(read());
        const sure = surely[label]?.();
        if (sure) one.sure(...sure);
      });
      return one.element;
    });
    const back = () => {
      if (title === "Head") session.set({ pose: { ...rest.pose, gaze: pose().gaze } }, true);
      else if (title === "Eyes") session.set({ pose: { ...pose(), gaze: rest.pose.gaze } }, true);
      else session.set({ camera: rest.camera }, true);
    };
    return h("section", { class: "group" }, h("header", {}, h("h2", {}, title), h("button", { class: "link", type: "button", onclick: back, "aria-label": `Reset ${title.toLowerCase()}` }, "Reset")), ...made);
  }), h("p", { class: "soft small" }, "On the amber ends of a track the avatar guesses. Drag the avatar to turn the camera, pinch or scroll to come closer, double click to start again. With the keyboard: arrow keys, plus, minus, Home."));
  return { element, refresh: () => updates.forEach((update) => update()) };
}
