/** The camera that orbits the head; the same as Camera.orbit in perse_engine/scene.py. */

/** @typedef {import("./types.js").CameraState} CameraState */

export const TARGET = [0, -0.03, -0.08];

/**
 * World to camera: rotation [9] row-major, translation [3], focal length in px, and the depth's row.
 * @param {CameraState} state @param {number} width @param {number} height px
 */
export function orbit(state, width, height) {
  const [y, p] = [(state.yaw_deg * Math.PI) / 180, (state.pitch_deg * Math.PI) / 180];
  const back = [Math.sin(y) * Math.cos(p), Math.sin(p), Math.cos(y) * Math.cos(p)];
  const right = [Math.cos(y), 0, -Math.sin(y)];
  const up = [
    back[1] * right[2] - back[2] * right[1],
    back[2] * right[0] - back[0] * right[2],
    back[0] * right[1] - back[1] * right[0],
  ];
  const rotation = [...right, ...up.map((v) => -v), ...back.map((v) => -v)];
  const eye = TARGET.map((t, i) => t + state.distance * back[i]);
  const translation = [0, 1, 2].map((i) => -(rotation[3 * i] * eye[0] + rotation[3 * i + 1] * eye[1] + rotation[3 * i + 2] * eye[2]));
  const focal = (0.5 * Math.min(width, height)) / Math.tan((state.fov_deg * Math.PI) / 360);
  return { rotation, translation, focal, row: [...rotation.slice(6), translation[2]] };
}
