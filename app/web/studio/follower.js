/** A face before the camera: its pictures go to the service, what it does comes back and moves the avatar. */

import { access, request } from "./api.js";

/** @typedef {import("../viewer/types.js").State} State */
/** @typedef {{yaw_deg: number, pitch_deg: number, roll_deg: number, gaze_yaw_deg: number, gaze_pitch_deg: number}} Turns */
/** @typedef {{turns: Turns, expression: Record<string, number>}} Doing */

/** The service takes no smaller pictures; a face needs no larger ones. */
const SIZE = { width: 384, height: 288 };
const JPEG_QUALITY = 0.8;
const PICTURES_AT_REST = 12;
/** Least time from one picture to the next, without and with a key: keys may ask 600 times a minute, for everything. */
const GAP_MS = { open: 70, keyed: 130 };
/** How soon the avatar is where the face is: a blink is too short for more. */
const EASE_S = 0.08;
const EASE_LIDS_S = 0.03;
const LOST_MS = 700;
const MOST_FAILURES = 5;

const STILL = { yaw_deg: 0, pitch_deg: 0, roll_deg: 0, gaze_yaw_deg: 0, gaze_pitch_deg: 0 };

/** Events: `told` (detail: what to say), `ended` (detail: why, empty when it was wanted). */
export class Follower extends EventTarget {
  /** @param {HTMLVideoElement} video that plays the camera */
  constructor(video) {
    super();
    this.video = video;
    this.isMirrored = true;
    this.stopped = new AbortController();
    /** @type {Doing} */
    this.aim = { turns: STILL, expression: {} };
    /** @type {Doing} */
    this.now = this.aim;
    this.at = 0;
    this.canvas = document.createElement("canvas");
    Object.assign(this.canvas, SIZE);
  }

  /** The avatar with what the face does on top. @param {State} state @param {number} t seconds @returns {State} */
  motion = (state, t) => {
    this.now = eased(this.now, this.aim, Math.min(t - this.at, 1));
    this.at = t;
    const { turns, expression } = this.isMirrored ? mirrored(this.now) : this.now;
    const { pose } = state;
    const own = { ...state.expression };
    for (const [name, value] of Object.entries(expression)) own[name] = Math.min(1, (own[name] ?? 0) + value);
    return {
      ...state,
      pose: {
        yaw_deg: pose.yaw_deg + turns.yaw_deg, pitch_deg: pose.pitch_deg + turns.pitch_deg, roll_deg: pose.roll_deg + turns.roll_deg,
        gaze: { yaw_deg: pose.gaze.yaw_deg + turns.gaze_yaw_deg, pitch_deg: pose.gaze.pitch_deg + turns.gaze_pitch_deg },
      },
      expression: own,
    };
  };

  /** Learn the face, then follow it until `stop`. */
  async run() {
    try {
      const driver = await this.#meet();
      await this.#follow(driver);
    } catch (error) {
      if (!this.stopped.signal.aborted) this.stop(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} why to be said; empty when it was wanted */
  stop(why = "") {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.dispatchEvent(new CustomEvent("ended", { detail: why }));
  }

  /** @returns {Promise<string>} the driver, as the service wants it back */
  async #meet() {
    this.#tell("Look into the camera and keep still …");
    const form = new FormData();
    form.append("consent", JSON.stringify({ version: "1", subject: "authorised" }));
    for (let i = 0; i < PICTURES_AT_REST; i++) {
      form.append("pictures", await this.#picture(), `${i}.jpg`);
      await this.#pause(GAP_MS.open);
    }
    return (await this.#send("/v1/drivers", form)).text();
  }

  /** @param {string} driver */
  async #follow(driver) {
    const gap = access().Authorization ? GAP_MS.keyed : GAP_MS.open;
    let [seen, failures] = [performance.now(), 0];
    while (!this.stopped.signal.aborted) {
      if (document.hidden) {
        // Nobody looks at the avatar.
        await this.#pause(LOST_MS);
        continue;
      }
      const began = performance.now();
      const form = new FormData();
      form.append("driver", driver);
      form.append("picture", await this.#picture(), "now.jpg");
      try {
        const found = await (await this.#send("/v1/captures", form)).json();
        failures = 0;
        if (found.is_seen) {
          seen = performance.now();
          const { gaze, ...head } = found.pose;
          this.aim = { turns: { ...head, gaze_yaw_deg: gaze.yaw_deg, gaze_pitch_deg: gaze.pitch_deg }, expression: found.expression };
        }
      } catch (error) {
        failures += 1;
        if (this.stopped.signal.aborted || failures >= MOST_FAILURES) throw error;
        await this.#pause(1000 * failures);
      }
      const isLost = performance.now() - seen > LOST_MS;
      if (isLost) this.aim = { turns: STILL, expression: {} };
      this.#tell(isLost ? "No face in sight." : "Following.");
      await this.#pause(Math.max(0, gap - (performance.now() - began)));
    }
  }

  /** @param {string} path @param {FormData} body */
  #send(path, body) {
    return request(path, { method: "POST", body, signal: this.stopped.signal });
  }

  /** What the camera shows, cut to SIZE. @returns {Promise<Blob>} */
  #picture() {
    const { videoWidth: w, videoHeight: h } = this.video;
    const scale = Math.max(SIZE.width / w, SIZE.height / h);
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(this.video, (SIZE.width - w * scale) / 2, (SIZE.height - h * scale) / 2, w * scale, h * scale);
    return new Promise((resolve, reject) =>
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The camera's picture cannot be read."))), "image/jpeg", JPEG_QUALITY));
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** @param {string} text */
  #tell(text) {
    this.dispatchEvent(new CustomEvent("told", { detail: text }));
  }
}

/** Part of the way from one to the other. @param {Doing} from @param {Doing} to @param {number} s seconds @returns {Doing} */
function eased(from, to, s) {
  const way = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ ease) => b + (a - b) * Math.exp(-s / ease);
  const turns = /** @type {Turns} */ (Object.fromEntries(Object.entries(to.turns).map(([name, value]) => [name, way(from.turns[/** @type {keyof Turns} */ (name)], value, EASE_S)])));
  /** @type {Record<string, number>} */
  const expression = {};
  for (const name of new Set([...Object.keys(from.expression), ...Object.keys(to.expression)])) {
    const value = way(from.expression[name] ?? 0, to.expression[name] ?? 0, name.startsWith("eyeBlink") ? EASE_LIDS_S : EASE_S);
    if (value > 1e-3) expression[name] = value;
  }
  return { turns, expression };
}

/** As in a mirror. @param {Doing} doing @returns {Doing} */
export function mirrored({ turns, expression }) {
  const other = (/** @type {string} */ name) => name.replace(/(Left|Right)$/, (side) => (side === "Left" ? "Right" : "Left"));
  return {
    turns: { ...turns, yaw_deg: -turns.yaw_deg, roll_deg: -turns.roll_deg, gaze_yaw_deg: -turns.gaze_yaw_deg },
    expression: Object.fromEntries(Object.entries(expression).map(([name, value]) => [other(name), value])),
  };
}
