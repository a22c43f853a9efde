/** Where the head, the eyes and the camera are turned. */

import { DISTANCE } from "../viewer/orbit.js";
import { restState } from "../viewer/viewer.js";
import { h, slider } from "./dom.js";

/** @param {{session: import("./session.js").Session}} context
 * @returns {{element: HTMLElement, refresh: () => void, opened?: () => void}} */
export function posePanel({ session }) {
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
      updates.push(() => one.set(read()));
      return one.element;
    });
    const back = () => {
      if (title === "Head") session.set({ pose: { ...rest.pose, gaze: pose().gaze } }, true);
      else if (title === "Eyes") session.set({ pose: { ...pose(), gaze: rest.pose.gaze } }, true);
      else session.set({ camera: rest.camera }, true);
    };
    return h("section", { class: "group" }, h("header", {}, h("h2", {}, title), h("button", { class: "link", type: "button", onclick: back, "aria-label": `Reset ${title.toLowerCase()}` }, "Reset")), ...made);
  }), h("p", { class: "soft small" }, "Drag the avatar to turn the camera, pinch or scroll to come closer, double click to start again. With the keyboard: arrow keys, plus, minus, Home."));
  return { element, refresh: () => updates.forEach((update) => update()) };
}
