"""Frames that were judged, as a dataset shows them, on disk; and the animator that reads them.

videos/<clip>/judged/rgba/%04d.png, labels/%04d.png     a frame that was taken
videos/<clip>/judged/verdicts.json                      a verdict per frame, those that were dropped too
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from perse_engine.errors import CorruptFile
from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import TexturedRig
from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.storage import frame_from_json, frame_to_json
from perse_engine.synthesis.video.chunks import read_png, write_png


@dataclass(frozen=True)
class FrameVerdict:
    """Why a frame was dropped, or what it is. `reasons` is empty when it was taken.

    `frame` has the pose and expression that were found; `measured` what could be measured.
    """

    frame: Frame
    reasons: tuple[str, ...]
    measured: Mapping[str, float]

    @property
    def is_taken(self) -> bool:
        """Whether no limit was broken."""
        return not self.reasons


class JudgedFolder:
    """The judged frames of a dataset's videos; a clip is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, clip: str, verdicts: Sequence[FrameVerdict], pictures: Mapping[int, MeshImage]) -> None:
        """Keep what was decided about a clip."""
        target = self.folder / clip / "judged"
        unfinished = target.with_name("judged.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        for kind in ("rgba", "labels"):
            (unfinished / kind).mkdir(parents=True)
        for index, image in pictures.items():
            write_png(unfinished / "rgba" / f"{index:04d}.png", image.rgba)
            write_png(unfinished / "labels" / f"{index:04d}.png", image.labels)
        rows = [asdict(v) | {"frame": frame_to_json(v.frame)} for v in verdicts]
        (unfinished / "verdicts.json").write_text(json.dumps(rows, indent=1))
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)

    def verdicts(self, clip: str) -> tuple[FrameVerdict, ...] | None:
        """How a clip's frames were judged, None while they are not.

        Raises:
            CorruptFile: the file is damaged.
        """
        path = self.folder / clip / "judged" / "verdicts.json"
        if not path.exists():
            return None
        try:
            rows = json.loads(path.read_text())
            return tuple(
                FrameVerdict(frame_from_json(r["frame"]), tuple(r["reasons"]), dict(r["measured"])) for r in rows
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFile(f"The verdicts of {clip} are damaged.", hint="Delete the video's folder.") from error

    def taken(self, clip: str) -> tuple[int, ...]:
        """Indices of the frames that a clip keeps, ascending; none while it is not judged."""
        return tuple(sorted(v.frame.index for v in self.verdicts(clip) or () if v.is_taken))

    def read(self, clip: str, index: int) -> MeshImage:
        """A frame that was taken."""
        folder, name = self.folder / clip / "judged", f"{index:04d}.png"
        return MeshImage(read_png(folder / "rgba" / name), read_png(folder / "labels" / name))


class JudgedClip:
    """See `PortraitAnimator`: shows the judged frames of one clip, whatever look it is given."""

    def __init__(self, folder: JudgedFolder, clip: str) -> None:
        self._folder, self._clip = folder, clip

    def animate(self, look: TexturedRig, frames: tuple[Frame, ...]) -> Iterator[MeshImage]:
        """See `PortraitAnimator`; the pictures have the size that they were judged in."""
        return (self._folder.read(self._clip, frame.index) for frame in frames)
