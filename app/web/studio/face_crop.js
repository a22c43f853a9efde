/** A photo cut to the face that was found on it, so that faces are seen and not rooms. */

import { getJson, picture } from "./api.js";
import { h } from "./dom.js";

/** Of the cut, in heights of the face. */
const SIDE = 2.2;
/** Hair takes more room than necks. */
const ABOVE = 0.56;

/**
 * @param {string} url @param {any} portrait @param {string} alt
 * @returns {HTMLElement} a square as wide as what it lies in
 */
export function faceCrop(url, portrait, alt) {
  const { face, width_px, height_px } = portrait;
  const side = Math.min(SIDE * face.height_px, width_px, height_px);
  const start = (/** @type {number} */ middle, /** @type {number} */ before, /** @type {number} */ most) => Math.min(Math.max(0, middle - before * side), most - side);
  const left = start(face.x_px + face.width_px / 2, 0.5, width_px);
  const top = start(face.y_px + face.height_px / 2, ABOVE, height_px);
  const img = h("img", { src: url, alt });
  Object.assign(img.style, { width: `${(100 * width_px) / side}%`, left: `${(-100 * left) / side}%`, top: `${(-100 * top) / side}%` });
  return h("div", { class: "face-crop" }, img);
}

/** The face on a stored portrait; null when that is there no more. @param {string} id @param {string} alt @returns {Promise<HTMLElement | null>} */
export async function portraitFace(id, alt) {
  try {
    const portrait = await getJson(`/v1/portraits/${id}`);
    return faceCrop(await picture(portrait.links.image), portrait, alt);
  } catch {
    return null;
  }
}
