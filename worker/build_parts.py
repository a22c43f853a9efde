"""Building an avatar in job parts: one worker plans, many make a part of the dataset each, one joins them and trains.

Everything is handed over through the store, below the avatar's prefix `parts`: the subject by the worker that planned,
an archive by each part, under a name with the part's fencing token. The row of a part that succeeded names its archive;
what a worker that lost its lease has uploaded is named by no row, and that worker erases it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.jobs.leftovers import parts_prefix
from app.jobs.store import ClaimedJob, NewPart, problem_of
from app.settings import Settings
from worker.heart import Heart
from worker.part_child import PART, SUBJECT, TAKEN, run_part, run_plan
from worker.publishing import sha256_of
from worker.settle import settle
from worker.supervise import supervise
from worker.worker import Worker

PART_KIND = "synthesize_part"
ARCHIVE = "application/zip"


def fans_out(settings: Settings, claim: ClaimedJob) -> bool:
    """Whether this job is to be planned: it has no parts yet, and is wanted in parts."""
    if claim.parts_total or settings.parts == "never":
        return False
    recipe = claim.input["recipe"]
    takes_models = recipe.get("editor") == "diffusion" or recipe.get("animator", "rig") != "rig"
    return settings.parts == "always" or (takes_models and not settings.is_embedded)


def plan_parts(worker: Worker, claim: ClaimedJob, heart: Heart, portrait: Path) -> tuple[str, Any]:
    """Build the subject and fan the job out; nothing is kept on this machine.

    Returns how it ended, and with what: 'planned', it is the parts' turn; 'whole', there is nothing to share out; else
    as of `supervise`.
    """
    folder = _own_folder(worker, claim, claim.id)
    try:
        return _plan(worker, claim, heart, portrait, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _forget_empty(folder.parent)


def _own_folder(worker: Worker, claim: ClaimedJob, job_id: str) -> Path:
    """Of this attempt alone: one on this machine that has lost its lease may not know it yet, and still write."""
    folder = worker.settings.data_dir / "work" / job_id / f"{claim.id}-{claim.lease_token}"
    folder.mkdir(parents=True)
    return folder


def _forget_empty(folder: Path) -> None:
    with suppress(OSError):
        # The job itself, or another part of it, may still have files on this machine.
        folder.rmdir()


def _plan(worker: Worker, claim: ClaimedJob, heart: Heart, portrait: Path, folder: Path) -> tuple[str, Any]:
    arguments = (portrait, claim.input["recipe"], folder, worker.settings.part_variants)
    ending, value = supervise(worker, claim, heart, run_plan, arguments)
    if ending != "done":
        return ending, value
    if len(value["parts"]) < 2:
        return "whole", None
    prefix = parts_prefix(claim.tenant_id, str(claim.avatar_id))
    subject = f"{prefix}/subject-{claim.lease_token}.zip"
    worker.storage.put_file(subject, folder / SUBJECT, ARCHIVE)
    told = {"recipe": claim.input["recipe"], "prefix": prefix, "subject": subject, "span": value["span"]}
    parts = [NewPart(PART_KIND, told | {"variants": variants}, len(variants)) for variants in value["parts"]]
    if worker.jobs.fan_out(claim, parts, "synthesis", value["span"]):
        portrait.unlink()
        return "planned", None
    # It was canceled in this very moment, or is another worker's.
    worker.storage.delete(subject)
    is_fenced = worker.jobs.heartbeat(claim, worker.settings.lease_s).is_fenced
    return "fenced" if is_fenced else "canceled", None


def make_part(worker: Worker, claim: ClaimedJob, heart: Heart) -> None:
    """Make one part of a dataset and hand it over."""
    folder = _own_folder(worker, claim, str(claim.parent_id))
    key = f"{claim.input['prefix']}/{claim.id}-{claim.lease_token}.zip"
    is_published = False
    try:
        is_published = _make(worker, claim, heart, folder, key)
    finally:
        if not is_published:
            worker.storage.delete(key)
        shutil.rmtree(folder, ignore_errors=True)
        _forget_empty(folder.parent)
        if worker.jobs.has_ended(claim):
            worker.storage.delete_prefix(claim.input["prefix"])


def _make(worker: Worker, claim: ClaimedJob, heart: Heart, folder: Path, key: str) -> bool:
    try:
        worker.storage.download(claim.input["subject"], folder / SUBJECT)
    except KeyError:
        error = problem_of("not_found", "The avatar was deleted before its variants were made.")
        worker.jobs.fail(claim, error, retry=False)
        return False
    arguments = (folder, claim.input["recipe"], claim.input["variants"])
    ending, value = supervise(worker, claim, heart, run_part, arguments)
    if ending == "done":
        worker.storage.put_file(key, folder / PART, ARCHIVE)
        return worker.jobs.succeed(claim, {"key": key, "sha256": sha256_of(folder / PART)})
    if ending in ("canceled", "expired"):
        # Erase first: whoever reads "canceled" may trust that nothing is left.
        worker.storage.delete_prefix(claim.input["prefix"])
    settle(worker, claim, ending, value)
    return False


def fetch_parts(worker: Worker, claim: ClaimedJob, folder: Path) -> float:
    """Download what the parts of a job have handed over, for its child process to take.

    Returns:
        How far the whole job is with that, 0..1.

    Raises:
        KeyError, ValueError: an archive is not there, or is not what its part made.
    """
    made = worker.jobs.made_parts(claim)
    archives = folder / TAKEN
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir(parents=True)
    worker.storage.download(made[0].input["subject"], archives / SUBJECT)
    for index, part in enumerate(made):
        archive = archives / f"{index:04d}.zip"
        worker.storage.download(part.result["key"], archive)
        if sha256_of(archive) != part.result["sha256"]:
            raise ValueError(f"The archive of part {index} of {claim.id} is damaged.")
    return float(made[0].input["span"][1])
