"""Judging the frames of videos, and fitting them into the dataset.

Of the source clip, pose and expression are refined; of every other clip, only what its look changes is taken over
into the source clip's frame, whose pose, expression and bytes hold everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.recipe import Acceptance, FrameLimits
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.learned.acceptance import fit, needs_landmarks
from perse_engine.synthesis.learned.interpolator import Face, FaceInterpolator
from perse_engine.synthesis.learned.paste import warped, work_landmarks
from perse_engine.synthesis.video.backdrop import off_backdrop, over_backdrop, pasted, resized
from perse_engine.synthesis.video.chunks import VideoFolder
from perse_engine.synthesis.video.frame_mask import frame_mask
from perse_engine.synthesis.video.judged import FrameVerdict, JudgedFolder
from perse_engine.synthesis.video.refine import Refiner
from perse_engine.synthesis.video.video_model import rendered

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

STEADY = 0.025
"""Of the distance between the eyes: what landmarks of two pictures of the same head differ by at 256 px. To align by
them would move what is in place."""
UNSEEN = "no face is seen on it"


def judge_source(
    subject: Subject, clip: Clip, frames: Sequence[Frame], videos: VideoFolder, limits: FrameLimits, out: JudgedFolder
) -> None:
    """Refine the pose and expression of the source clip's frames, and drop those that strayed."""
    refiner = Refiner(subject)
    verdicts, pictures = [], {}
    for frame in (frames[i] for i in clip.frames):
        made = resized(videos.read_frame(clip.path, frame.index), frame.camera.width_px)
        drawn = work_landmarks(over_backdrop(rendered(subject.look, [frame])[0].rgba))
        seen = work_landmarks(made)
        if drawn is None or seen is None:
            is_needed = any(x is not None for x in (limits.max_turn_deg, limits.max_drift, limits.max_residual))
            verdict = FrameVerdict(replace(frame, confidence=0.0), (UNSEEN,) if is_needed else (), {})
        else:
            found = refiner.refine(frame, drawn, seen)
            measured = {"turn_deg": found.turn_deg, "drift": found.drift, "residual": found.residual}
            sure = 1 - min(1.0, found.residual / (limits.max_residual or 1.0))
            verdict = FrameVerdict(replace(found.frame, confidence=sure), _broken(measured, limits), measured)
            made = warped(made, found.to_rig)
        verdicts.append(verdict)
        if verdict.is_taken:
            shape = rendered(subject.look, [verdict.frame])[0]
            pictures[frame.index] = MeshImage(off_backdrop(made, shape.rgba[..., 3]), shape.labels)
    out.write(clip.path, verdicts, pictures)


def judge_clip(
    subject: Subject, dressed: TexturedRig, clip: Clip, frames: Sequence[Frame], source: Mapping[int, MeshImage],
    videos: VideoFolder, limits: FrameLimits, out: JudgedFolder,
) -> None:  # fmt: skip
    """Take what a look changes over into the source clip's frames `source`; those that it lacks are dropped."""
    accepted = Acceptance(limits.max_drift, limits.max_residual, None, None, None, 1)
    verdicts, pictures = [], {}
    for frame in (frames[i] for i in clip.frames):
        base = source.get(frame.index)
        if base is None:
            verdicts.append(FrameVerdict(frame, ("the source clip's frame was dropped",), {}))
            continue
        under = over_backdrop(base.rgba)
        landmarks = work_landmarks(under) if needs_landmarks(accepted) else None
        shape = rendered(dressed, [frame])[0]
        mask = frame_mask(rendered(subject.look, [frame])[0], shape)
        made = resized(videos.read_frame(clip.path, frame.index), frame.camera.width_px)
        fitted = fit(under, landmarks, made, mask, 0, accepted, steady_below=STEADY)
        verdicts.append(FrameVerdict(frame, fitted.verdict.reasons, fitted.verdict.measured))
        if fitted.verdict.is_accepted:
            pictures[frame.index] = pasted(base, fitted.picture, shape, mask)
    out.write(clip.path, verdicts, pictures)


def make_frame_betweens(
    clips: Mapping[float, Clip], ends: tuple[str, str], prompts: tuple[str, str], frames: Sequence[Frame],
    images: tuple[Mapping[int, MeshImage], Mapping[int, MeshImage]], interpolator: FaceInterpolator, out: JudgedFolder,
) -> Iterator[int]:  # fmt: skip
    """In-betweens of the frames that both ends have, a clip for each t, which is 0 at the first end.

    A frame is made for all of its clips at once, so that its ends are fitted once. Gives the index of each frame that
    is done; the clips are kept after the last.
    """
    verdicts: dict[float, list[FrameVerdict]] = {t: [] for t in clips}
    pictures: dict[float, dict[int, MeshImage]] = {t: {} for t in clips}
    for index in sorted({i for clip in clips.values() for i in clip.frames}):
        own = [t for t, clip in clips.items() if index in clip.frames]
        first, second = (end.get(index) for end in images)
        reasons = ("a frame of its ends was dropped",) if first is None or second is None else ()
        for t in own:
            verdicts[t].append(FrameVerdict(frames[index], reasons, {}))
        if first is not None and second is not None:
            faces = [_face(f"{end}/{index}", image, words)
                     for end, image, words in zip(ends, (first, second), prompts, strict=True)]  # fmt: skip
            made = interpolator.between(faces[0], faces[1], frame_mask(first, second), own)
            interpolator.forget()
            for t, picture in zip(own, made, strict=True):
                pictures[t][index] = _between(first, second, t, picture)
        yield index
    for t, clip in clips.items():
        out.write(clip.path, verdicts[t], pictures[t])


def _between(first: MeshImage, second: MeshImage, t: float, picture: Rgb) -> MeshImage:
    """A picture between two frames, with an alpha and labels between theirs."""
    alpha = first.rgba[..., 3] + t * (second.rgba[..., 3].astype(np.float32) - first.rgba[..., 3])
    rgba = off_backdrop(picture, (alpha + 0.5).astype(np.uint8))
    # A warp reaches beyond what changes; where the ends agree, so does what lies between them.
    inside = (frame_mask(first, second) > 0) & (first.rgba != second.rgba).any(-1)
    rgba = np.where(inside[..., None], rgba, first.rgba)
    return MeshImage(np.ascontiguousarray(rgba), np.where(inside, (first if t < 0.5 else second).labels, first.labels))


def _face(name: str, image: MeshImage, words: str) -> Face:
    picture = over_backdrop(image.rgba)
    return Face(name, picture, work_landmarks(picture), words)


def _broken(measured: Mapping[str, float], limits: FrameLimits) -> tuple[str, ...]:
    pairs = (("turn_deg", limits.max_turn_deg), ("drift", limits.max_drift), ("residual", limits.max_residual))
    return tuple(
        f"{name} {measured[name]:.3f} is above {limit:g}"
        for name, limit in pairs
        if limit is not None and measured[name] > limit
    )
