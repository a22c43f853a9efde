"""From a recipe with a video animator to clips that need no model: the outline of this room.

videos -> judged source clip -> judged variants -> in-betweens -> what a dataset is then made of
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from perse_engine.errors import EditsRejected, InvalidValue
from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject
from perse_engine.models.loading import ModelLoader
from perse_engine.progress import Progress
from perse_engine.recipe import Learned, Recipe
from perse_engine.synthesis.animator import PortraitAnimator, RigAnimator
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.interpolator import FaceInterpolator
from perse_engine.synthesis.learned.make_betweens import open_interpolator
from perse_engine.synthesis.summary import read_summary, write_summary
from perse_engine.synthesis.video.chunks import VideoFolder
from perse_engine.synthesis.video.judge import judge_clip, judge_source, make_frame_betweens
from perse_engine.synthesis.video.judged import JudgedClip, JudgedFolder
from perse_engine.synthesis.video.make_videos import make_videos, prompt_of
from perse_engine.synthesis.video.video_model import rendered

VIDEOS = "videos"
STAGE = "judging"
BETWEENS = "betweens"
SOURCE = "source"


@dataclass(frozen=True)
class Filmed:
    """What a dataset is made of, once its videos are judged.

    Attributes:
        recipe: without the variants whose videos were rejected.
        frames: with the pose and expression that were found; those that no clip has are not valid.
        clips: with the frames that were taken.
    """

    recipe: Recipe
    frames: tuple[Frame, ...]
    clips: tuple[Clip, ...]
    folder: JudgedFolder

    def of(self, clip: Clip) -> PortraitAnimator:
        """Who shows a clip: the rig, where nothing was filmed."""
        return RigAnimator() if self.folder.verdicts(clip.path) is None else JudgedClip(self.folder, clip.path)

    def source(self) -> PortraitAnimator:
        """Who shows the source clip."""
        return self.of(next(c for c in self.clips if c.kind == "source"))


def film(
    subject: Subject, recipe: Recipe, editor: AttributeEditor, clips: Sequence[Clip], frames: tuple[Frame, ...],
    folder: Path, progress: Progress, loader: ModelLoader,
) -> Filmed:  # fmt: skip
    """Make (or finish) the videos of a plan of clips in `folder`/videos.

    Raises:
        InvalidValue: the recipe has no video animator.
        EditsRejected: no frame of the source clip, or no variant, was taken.
        BackendMissing, CorruptFile, Cancelled: see `make_videos`.
    """
    if recipe.learned is None or recipe.animator == "rig":
        raise InvalidValue("The recipe names no video animator.", hint="Recipe.of(..., animator='wan-vace')")
    limits, videos, out = recipe.learned.frames, VideoFolder(folder / VIDEOS), JudgedFolder(folder / VIDEOS)
    model = recipe.models()["portrait-animator"]
    source = next(c for c in clips if c.kind == "source")
    filmed = [c for c in clips if c.kind in ("variant", "mix")]

    is_source_filmed = recipe.animator == "wan-animate"

    def judge_first(clip: Clip) -> None:
        """The source clip before the others are filmed: without it hours of them would be for nothing."""
        if clip is not source:
            return
        if out.verdicts(clip.path) is None:
            judge_source(subject, clip, frames, videos, limits, out)
        if not _is_enough(clip, frames, limits.min_share, out):
            raise _none_taken(_told(clip, out))

    make_videos(
        subject, editor, [source, *filmed] if is_source_filmed else filmed, frames, model, recipe.seed, loader, videos,
        progress, when_complete=judge_first,
    )  # fmt: skip
    found, shown = _source(subject, source, frames, out)
    for number, clip in enumerate(filmed):
        progress.report(STAGE, number, len(filmed))
        if out.verdicts(clip.path) is None:
            judge_clip(subject, editor.dress(subject, clip.look), clip, found, shown, videos, limits, out)
    progress.report(STAGE, len(filmed), len(filmed))
    variants = [c for c in filmed if c.kind == "variant"]
    rejected = {c.path: _told(c, out) for c in variants if not _is_enough(c, found, limits.min_share, out)}
    kept = tuple(v for v in recipe.variants if "/".join(v) not in rejected)
    if not kept:
        raise _none_taken(*rejected.values())
    left = [c for c in clips if _uses(c) <= set(kept)]
    _make_betweens([c for c in left if c.kind == "between"], found, shown, recipe.learned, loader, out, progress)
    judged = [c for c in (source, *filmed) if out.verdicts(c.path) is not None]
    _summarise(recipe, list(rejected.values()), judged, loader, out)
    return Filmed(replace(recipe, variants=kept), found, _with_taken(left, shown, out), out)


def film_variants(
    subject: Subject, recipe: Recipe, editor: AttributeEditor, clips: Sequence[Clip], frames: tuple[Frame, ...],
    folder: Path, progress: Progress, loader: ModelLoader,
) -> None:  # fmt: skip
    """The videos of some clips alone, for `film` to find and judge."""
    model = recipe.models()["portrait-animator"]
    make_videos(subject, editor, clips, frames, model, recipe.seed, loader, VideoFolder(folder / VIDEOS), progress)


def videos_summary(folder: Path) -> dict[str, object] | None:
    """What was filmed for a dataset, with what, and what was dropped and why; None if nothing was.

    Raises:
        CorruptFile: the summary is damaged.
    """
    return read_summary(folder / VIDEOS)


def _source(
    subject: Subject, clip: Clip, frames: tuple[Frame, ...], out: JudgedFolder
) -> tuple[tuple[Frame, ...], dict[int, MeshImage]]:
    """Every frame as it was found to be, and the source clip's pictures of those that were taken."""
    verdicts = out.verdicts(clip.path)
    if verdicts is None:
        own = [frames[i] for i in clip.frames]
        return frames, {f.index: image for f, image in zip(own, rendered(subject.look, own), strict=True)}
    found = {v.frame.index: replace(v.frame, valid=v.is_taken) for v in verdicts}
    return tuple(found.get(f.index, f) for f in frames), {i: out.read(clip.path, i) for i in out.taken(clip.path)}


def _uses(clip: Clip) -> set[tuple[str, str]]:
    return {(c, id) for c, weights in clip.look.variants.items() for id in weights}


def _is_enough(clip: Clip, frames: tuple[Frame, ...], min_share: float, out: JudgedFolder) -> bool:
    """Whether enough frames of a clip were taken, some to train and some to measure."""
    taken = out.taken(clip.path)
    return len(taken) >= min_share * len(clip.frames) and len({frames[i].split for i in taken}) == 2


def _told(clip: Clip, out: JudgedFolder) -> str:
    """How many of a clip's frames were taken, and why others were dropped."""
    dropped = "; ".join(f"{reason}: {count}" for reason, count in _dropped(out, clip.path).items())
    return f"{clip.path}: {len(out.taken(clip.path))} of {len(clip.frames)} frames were taken, {dropped}"


def _none_taken(*sentences: str) -> EditsRejected:
    return EditsRejected(
        f"Too few frames of the videos were taken: {' | '.join(sentences)}.",
        hint="The videos lie in videos/ of the dataset. Other limits: FrameLimits of the recipe; another seed.",
    )


def _dropped(out: JudgedFolder, clip: str) -> dict[str, int]:
    """Reason, without its number -> how many frames were dropped for it."""
    reasons = [reason for v in out.verdicts(clip) or () for reason in v.reasons]
    return dict(Counter(f"{r.split()[0]} is above its limit" if " is above " in r else r for r in reasons))


def _make_betweens(
    clips: Sequence[Clip], frames: tuple[Frame, ...], source: dict[int, MeshImage], learned: Learned,
    loader: ModelLoader, out: JudgedFolder, progress: Progress,
) -> None:  # fmt: skip
    left = [c for c in clips if out.verdicts(c.path) is None]
    if not left:
        return
    ways: dict[tuple[str, str], dict[float, Clip]] = {}
    for clip in left:
        ((category, weights),) = clip.look.variants.items()
        names = [f"{category}/{id}" for id in weights]
        ends = (SOURCE, names[0]) if len(names) == 1 else (names[0], names[1])
        ways.setdefault(ends, {})[list(weights.values())[-1]] = clip
    total = sum(len({i for clip in clips.values() for i in clip.frames}) for clips in ways.values())
    done = 0
    with _open(learned, loader, left) as interpolator:
        for ends, own in ways.items():
            progress.report(BETWEENS, done, total)
            images = tuple(source if e == SOURCE else {i: out.read(e, i) for i in out.taken(e)} for e in ends)
            prompts = (_words(ends[0]), _words(ends[1]))
            for _ in make_frame_betweens(own, ends, prompts, frames, (images[0], images[1]), interpolator, out):
                done += 1
                progress.report(BETWEENS, done, total)


def _open(learned: Learned, loader: ModelLoader, clips: Iterable[Clip]) -> AbstractContextManager[FaceInterpolator]:
    names = {f"{c}/{id}" for clip in clips for c, id in _uses(clip)}
    return open_interpolator(learned, loader, [_words(SOURCE), *(_words(n) for n in sorted(names))])


def _words(end: str) -> str:
    from perse_engine.look import Look

    if end == SOURCE:
        return prompt_of(Clip(end, "source", Look(), ()))
    category, id = end.split("/")
    return prompt_of(Clip(end, "variant", Look({category: {id: 1.0}}), ()))


def _with_taken(clips: Sequence[Clip], source: dict[int, MeshImage], out: JudgedFolder) -> tuple[Clip, ...]:
    """The clips with the frames that they have; those without any are left out."""
    taken = {c.path: set(out.taken(c.path)) if out.verdicts(c.path) is not None else set(source) for c in clips}
    with_frames = [replace(c, frames=tuple(i for i in c.frames if i in taken[c.path])) for c in clips]
    return tuple(c for c in with_frames if c.frames)


def _summarise(
    recipe: Recipe, rejected: list[str], filmed: Sequence[Clip], loader: ModelLoader, out: JudgedFolder
) -> None:
    turns = [v.measured for v in out.verdicts(SOURCE) or () if "turn_deg" in v.measured]
    summary = {
        "animator": recipe.animator,
        "models": loader.used([recipe.models()["portrait-animator"]]),
        "frames": sum(len(c.frames) for c in filmed),
        "taken": sum(len(out.taken(c.path)) for c in filmed),
        "dropped": {c.path: _dropped(out, c.path) for c in filmed if _dropped(out, c.path)},
        "rejected": rejected,
        "refined": {
            name: sum(m[name] for m in turns) / len(turns) for name in ("turn_deg", "drift", "residual") if turns
        },
    }
    write_summary(out.folder, summary)
