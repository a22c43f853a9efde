/**
 * The values that the viewer's parts hand to each other. Angles in degrees, lengths in metres, frames as the engine's
 * scene.py: y up, the face along +z, the subject's left +x; camera axes x right, y down, z forward.
 *
 * @typedef {{yaw_deg: number, pitch_deg: number, distance: number, fov_deg: number}} CameraState
 * @typedef {{yaw_deg: number, pitch_deg: number, roll_deg: number, gaze: {yaw_deg: number, pitch_deg: number}}} PoseState
 * @typedef {Record<string, Record<string, number> | {code: number[]}>} Look
 *   category to weights of its variants (0..1, sum at most 1), or to a raw code of 32 numbers
 * @typedef {{camera: CameraState, pose: PoseState, expression: Record<string, number>, look: Look}} State
 *   what is on screen; the body of POST /v1/avatars/{id}/renders without size and background
 *
 * @typedef {{at: number, type: string, shape: number[], scale?: number[]}} ArrayEntry
 * @typedef {{bufferView: number, arrays: Record<string, ArrayEntry>}} BlockEntry
 * @typedef {{name: string, expressions: Record<string, number>, low: number, high: number}} Driver
 * @typedef {BlockEntry & {gaussians: number, bone_pivots: number[][], shapes: {name: string, rows: number}[],
 *   drivers: Driver[]}} BaseEntry
 * @typedef {BlockEntry & {name: string, variants: string[], bends?: number}} CategoryEntry
 * @typedef {BlockEntry & {category: string, variant: string, prompt: string, method: string}} AddedEntry
 * @typedef {{version: number, raster_mode: string, pose_limits_deg: Record<string, [number, number]>, base: BaseEntry,
 *   categories: CategoryEntry[], added: AddedEntry[]}} Description  docs/reference/bundle.md
 *
 * @typedef {Object} Still  what the GPU holds of an avatar and no frame changes
 * @property {number} count  Gaussians
 * @property {boolean} antialiased
 * @property {Uint32Array} binding  4 per Gaussian: three vertices, bary as two 16-bit numbers
 * @property {Int8Array} expression  per driver two layers of 4 numbers per row
 * @property {number} rows  rows of the expression model
 * @property {number} drivers
 * @property {number} vertices
 *
 * @typedef {Object} Frame  everything of one moment; drawn together, so that no order belongs to another moment
 * @property {number} id
 * @property {Float32Array} vertices  4 per rig vertex: the posed place, 0
 * @property {Uint32Array} order  Gaussians to draw, farthest first
 * @property {number} drawn  how many of them
 * @property {Float32Array} drivers  8 per driver: weights of its two layers
 * @property {Float32Array | null} properties  four layers of 4 numbers per Gaussian when the look changed
 * @property {boolean} is_pending  a block that the look needs is still on its way
 * @property {number} work_ms  all of the worker's time for it
 * @property {number} sort_ms  of that, the depths and the order
 */
export {};
