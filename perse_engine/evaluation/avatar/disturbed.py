"""What is learned from pictures that are off a little each, with refinement and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.training import train
from perse_engine.evaluation.avatar.disturbance import Disturbance, disturb
from perse_engine.evaluation.avatar.learning import Spent
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset

DISTURBED, REFINED = "disturbed", "disturbed, refined"


def disturbed_avatars(
    subject: Subject, dataset: Dataset, recipe: Recipe, progress: Progress
) -> Iterator[tuple[str, str, Avatar, Spent]]:
    """Name, what it is, avatar and what its training took, for each of the two. The dataset itself stays as it is."""
    d = Disturbance()
    how = (
        f"each training picture shifted by up to {d.shift_px:g} px and {100 * d.gain:g} % too bright or dark, "
        f"recorded poses {d.rotation_deg:g} degrees and cameras {1000 * d.translation_m:g} mm off"
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        disturbed = disturb(dataset, folder / "dataset", d)
        for title, refinement, what in ((DISTURBED, False, how), (REFINED, True, "the same, mended while training")):
            began = time.process_time()
            made = replace(recipe, refinement=refinement)
            avatar, measured = train(subject, disturbed, made, folder / title, progress)
            yield title, what, avatar, Spent(int(measured["steps"]), time.process_time() - began)
