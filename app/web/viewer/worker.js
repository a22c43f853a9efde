/** The worker: owns a bundle, answers states with frames, fetches blocks that looks need. */

import { openBundle } from "./bundle.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";

/** @typedef {import("./types.js").State} State */

/** @type {Stage | null} */
let stage = null;

const told = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));
const post = (/** @type {any} */ message, /** @type {Transferable[]} */ transfer = []) =>
  /** @type {any} */ (self).postMessage(message, transfer);

/** @param {string} url @param {Record<string, string>} headers */
async function open(url, headers) {
  const source = new Source(url, headers);
  const bundle = await openBundle(source);
  stage = new Stage(bundle, await bundle.block(bundle.description.base, (fraction) => post({ loaded: fraction })));
  const still = stage.still();
  const properties = stage.base.slice();
  const { base, categories, added, pose_limits_deg } = bundle.description;
  const about = {
    gaussians: base.gaussians,
    pose_limits_deg,
    categories: Object.fromEntries(categories.map((c) => [c.name, c.variants])),
    added: added.map(({ category, variant, prompt }) => ({ category, variant, prompt })),
    fetched_bytes: source.fetchedBytes,
  };
  post({ opened: { still, properties, about } }, [still.binding.buffer, still.expression.buffer, properties.buffer]);
}

/** @param {{id: number, state: State, row: number[]}} wanted */
function answer({ id, state, row }) {
  if (!stage) return;
  for (const entry of stage.missing(state.look)) {
    stage.load(entry).then(() => post({ arrived: true }), (error) => post({ failed: told(error) }));
  }
  const frame = stage.frame(id, state, row);
  const transfer = [frame.vertices.buffer, frame.order.buffer, ...(frame.properties ? [frame.properties.buffer] : [])];
  post({ frame }, transfer);
}

self.onmessage = ({ data }) => {
  if (data.open) open(data.open.url, data.open.headers).catch((error) => post({ failed: told(error) }));
  if (data.wanted) {
    try {
      answer(data.wanted);
    } catch (error) {
      post({ failed: told(error) });
    }
  }
};
