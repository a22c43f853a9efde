/** Expressions recorded elsewhere: ARKit's 52 weights over time, as JSON or as the CSV that face capture apps write. */

/** @typedef {import("../viewer/types.js").State} State */
/** @typedef {Record<string, number>} Weights */

const FRAMES_PER_S = 60;
const MOST_FRAMES = 60 * 60 * 10;

/** Weights in 0..1 under names that ARKit has. @param {Record<string, unknown>} values @param {Set<string>} known @returns {Weights} */
function weightsOf(values, known) {
  /** @type {Weights} */
  const out = {};
  for (const [name, value] of Object.entries(values)) {
    const own = name.trim().replace(/^[A-Z]/, (c) => c.toLowerCase());
    const weight = Number(value);
    if (known.has(own) && Number.isFinite(weight) && weight > 0) out[own] = Math.min(weight, 1);
  }
  return out;
}

/**
 * The frames of a file: JSON `[{jawOpen: 0.2, ...}, ...]` or `[{expression: {...}}, ...]`; CSV with a row of names.
 * @param {string} text @param {string[]} names ARKit's @returns {Weights[]}
 */
export function readRecording(text, names) {
  const known = new Set(names);
  /** @type {Record<string, unknown>[]} */
  let rows;
  if (/^\s*[[{]/.test(text)) {
    const parsed = JSON.parse(text);
    const list = Array.isArray(parsed) ? parsed : parsed.frames;
    if (!Array.isArray(list)) throw new Error("The JSON is no list of frames.");
    rows = list.map((frame) => frame.expression ?? frame.weights ?? frame);
  } else {
    const [head, ...lines] = text.split(/\r?\n/).filter((line) => line.trim());
    const columns = (head ?? "").split(",");
    rows = lines.map((line) => Object.fromEntries(line.split(",").map((value, i) => [columns[i] ?? "", value])));
  }
  const frames = rows.slice(0, MOST_FRAMES).map((row) => weightsOf(row, known));
  if (!frames.some((frame) => Object.keys(frame).length)) throw new Error("The file holds none of ARKit's 52 expressions.");
  return frames;
}

/** Motion that plays the frames again and again, 60 in a second. @param {Weights[]} frames
 * @returns {(state: State, t: number) => State} */
export function playback(frames) {
  /** @type {number | null} */
  let began = null;
  return (state, t) => {
    began ??= t;
    const at = (t - began) * FRAMES_PER_S;
    const [a, b] = [frames[Math.floor(at) % frames.length], frames[Math.floor(at + 1) % frames.length]];
    const part = at % 1;
    /** @type {Weights} */
    const expression = { ...state.expression };
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) expression[name] = (1 - part) * (a[name] ?? 0) + part * (b[name] ?? 0);
    return { ...state, expression };
  };
}
