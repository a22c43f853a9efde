/** Motion that needs nobody: breathing, blinking and looking about, or talking. */

/** @typedef {import("../viewer/types.js").State} State */
/** @typedef {"idle" | "talk"} Kind */
/** @typedef {Kind | ((state: State, t: number) => State)} Motion  a kind, or what a recording does at a time */

const BLINK_S = 0.22;

/** 0..1..0 around every blink. @param {number} t seconds */
function blink(t) {
  const every = 3.4 + 0.9 * Math.sin(Math.floor(t / 3.9) * 2.3);
  const since = t % every;
  return since < BLINK_S ? Math.sin((since / BLINK_S) * Math.PI) : 0;
}

/** Smooth noise in -1..1. @param {number} t @param {number} seed */
const drift = (t, seed) => 0.5 * Math.sin(t * 0.7 + seed) + 0.3 * Math.sin(t * 1.27 + 2.1 * seed) + 0.2 * Math.sin(t * 2.9 + 0.7 * seed);

/** The state with motion on top. @param {State} state @param {Motion} kind @param {number} t seconds @returns {State} */
export function moved(state, kind, t) {
  if (typeof kind === "function") return kind(state, t);
  const add = (/** @type {Record<string, number>} */ more) => {
    const out = { ...state.expression };
    for (const [name, value] of Object.entries(more)) out[name] = Math.min(1, Math.max(0, (out[name] ?? 0) + value));
    return out;
  };
  const lids = blink(t);
  const { pose } = state;
  const lively = kind === "talk" ? 1.5 : 1;
  const syllable = Math.max(0, Math.sin(t * 11) * (0.55 + 0.45 * Math.sin(t * 2.3)));
  /** @type {Record<string, number>} */
  const mouth = kind === "talk"
    ? { jawOpen: 0.34 * syllable, mouthFunnel: 0.3 * Math.max(0, Math.sin(t * 5.1)) * syllable, mouthLowerDownLeft: 0.2 * syllable, mouthLowerDownRight: 0.2 * syllable,
        mouthSmileLeft: 0.12 + 0.08 * Math.sin(t * 1.7), mouthSmileRight: 0.12 + 0.08 * Math.sin(t * 1.7), browInnerUp: 0.2 * Math.max(0, drift(t, 5)) }
    : { mouthSmileLeft: 0.05 + 0.05 * drift(t, 3), mouthSmileRight: 0.05 + 0.05 * drift(t, 3) };
  return {
    ...state,
    pose: {
      yaw_deg: pose.yaw_deg + 4 * lively * drift(t, 1), pitch_deg: pose.pitch_deg + 2.2 * lively * drift(t, 2), roll_deg: pose.roll_deg + 1.4 * lively * drift(t, 4),
      gaze: { yaw_deg: pose.gaze.yaw_deg - 3 * drift(t * 0.8, 1.3), pitch_deg: pose.gaze.pitch_deg + 1.5 * drift(t * 0.9, 6) },
    },
    expression: add({ ...mouth, eyeBlinkLeft: lids, eyeBlinkRight: lids }),
  };
}
