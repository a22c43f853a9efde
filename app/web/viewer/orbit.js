/** Turning the camera: mouse, touch and keys. */

/** @typedef {import("./types.js").CameraState} CameraState */

const DEG_PER_PX = 0.35;
const KEY_DEG = 5;
export const DISTANCE = [0.45, 2.5];
const PITCH = [-60, 60];

const clamp = (/** @type {number} */ v, /** @type {number[]} */ [low, high]) => Math.min(Math.max(v, low), high);

/** -180..180. @param {number} yaw */
const wrapped = (yaw) => ((((yaw + 180) % 360) + 360) % 360) - 180;

/**
 * Call `change` with what the user wants.
 * @param {HTMLElement} element focusable @param {() => CameraState} read
 * @param {(camera: CameraState, isEnd: boolean) => void} change @returns {() => void} stops it
 */
export function orbitBy(element, read, change) {
  /** @type {Map<number, {x: number, y: number}>} */
  const touches = new Map();
  let spread = 0;
  const stop = new AbortController();
  const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ act) =>
    element.addEventListener(name, act, { signal: stop.signal, passive: false });
  const turned = (/** @type {number} */ dx, /** @type {number} */ dy) => {
    const camera = read();
    return { ...camera, yaw_deg: wrapped(camera.yaw_deg - dx), pitch_deg: clamp(camera.pitch_deg + dy, PITCH) };
  };
  const zoomed = (/** @type {number} */ factor) => {
    const camera = read();
    return { ...camera, distance: clamp(camera.distance * factor, DISTANCE) };
  };
  const gap = () => {
    const [a, b] = [...touches.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };

  on("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (touches.size === 2) spread = gap();
  });
  on("pointermove", (/** @type {PointerEvent} */ event) => {
    const last = touches.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    touches.set(event.pointerId, now);
    if (touches.size === 1) change(turned((now.x - last.x) * DEG_PER_PX, (now.y - last.y) * DEG_PER_PX), false);
    if (touches.size === 2) {
      const wide = gap();
      change(zoomed(spread / Math.max(wide, 1)), false);
      spread = wide;
    }
  });
  const lift = (/** @type {PointerEvent} */ event) => {
    if (touches.delete(event.pointerId)) change(read(), true);
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  on("wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    change(zoomed(Math.exp(clamp(event.deltaY, [-100, 100]) * 0.0015)), true);
  });
  on("dblclick", () => change({ ...read(), yaw_deg: 0, pitch_deg: 0, distance: 1 }, true));
  on("keydown", (/** @type {KeyboardEvent} */ event) => {
    /** @type {Record<string, () => CameraState>} */
    const keys = {
      ArrowLeft: () => turned(KEY_DEG, 0), ArrowRight: () => turned(-KEY_DEG, 0),
      ArrowUp: () => turned(0, KEY_DEG), ArrowDown: () => turned(0, -KEY_DEG),
      "+": () => zoomed(0.9), "=": () => zoomed(0.9), "-": () => zoomed(1 / 0.9),
      Home: () => ({ ...read(), yaw_deg: 0, pitch_deg: 0, distance: 1 }),
    };
    const key = keys[event.key];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    change(key(), true);
  });
  return () => stop.abort();
}
