"""Where the time of making a dataset goes: every n-th clip of a preset, on one thread, part by part.

  OMP_WAIT_POLICY=PASSIVE python -m benchmarks.synthesis photo.png --preset standard --every 5

Shares of one run compare; milliseconds depend on what else the machine does. The last line is
reckoned from the clips that were made.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.part_timer import PartTimer
from perse_engine.head import mesh_changes, mesh_raster
from perse_engine.head.build import build_subject
from perse_engine.head.rig import Rig
from perse_engine.head.subject import Subject
from perse_engine.portrait.analyse import analyse_portrait
from perse_engine.portrait.decode import decode_portrait
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis import animator, synthesize
from perse_engine.synthesis.dataset import Clip
from perse_engine.synthesis.plan import plan_clips
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.trajectory import close_ups, make_trajectory
from perse_engine.warm_up import warm_up

PARTS = (
    ("dress", ProceduralEditor, "dress"),
    ("find changes", mesh_changes.Changes, "__init__"),
    ("find tiles", mesh_changes.Changes, "stale"),
    ("pose", Rig, "posed"),
    ("triangles and pixels", mesh_raster, "draw_tiles"),
    ("rest of drawing", animator, "draw"),
    ("change mask", synthesize, "changed_mask"),
    ("files", synthesize, "write_images"),
)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--every", type=int, default=5, help="of the clips, the n-th ones are made")
    arguments = parser.parse_args()
    warm_up(SilentProgress())
    subject = build_subject(analyse_portrait(decode_portrait(arguments.photo.read_bytes())))
    measure(subject, Recipe.of(arguments.preset), arguments.every)


def measure(subject: Subject, recipe: Recipe, every: int) -> None:
    """Print a row per part and one for the whole preset."""
    size = recipe.size()
    trajectory = make_trajectory(
        size.frames_per_clip, size.size_px, recipe.seed, (subject.source_pose, subject.source_expression)
    )
    frames = trajectory + close_ups(trajectory)
    plan = plan_clips(recipe, trajectory, frames[len(trajectory) :])
    clips = [c for c in plan if c.kind != "source"][::every]
    rig = animator.RigAnimator()
    pictures = dict(zip((f.index for f in frames), rig.animate(subject.look, frames), strict=True))
    over_source = rig.starting_from(subject.look, frames, pictures)
    editor = ProceduralEditor()
    timer = PartTimer()
    sums: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, timer.on(PARTS):
        for clip in clips:
            sums.update(timer.run(PARTS, lambda c=clip: synthesize.make_clip(  # type: ignore[misc]
                Path(folder), subject, editor, over_source, frames, pictures, c)))  # fmt: skip
    report(sums, clips, plan)


def report(sums: Counter[str], clips: list[Clip], plan: tuple[Clip, ...]) -> None:
    """The table."""
    drawn, wanted = sum(len(c.frames) for c in clips), sum(len(c.frames) for c in plan)
    print(f"{len(clips)} of {len(plan)} clips, {drawn} of {wanted} frames\n")
    rest = sums["whole"] - sum(s for part, s in sums.items() if part != "whole")
    for part, seconds in (*((p, sums[p]) for p, _, _ in PARTS), ("rest", rest), ("whole", sums["whole"])):
        print(f"{part:<18} {1e3 * seconds / drawn:7.2f} ms a frame {100 * seconds / sums['whole']:6.1f} %")
    print(f"\nwhole preset, one thread: about {sums['whole'] * wanted / drawn:.0f} s")


if __name__ == "__main__":
    main()
