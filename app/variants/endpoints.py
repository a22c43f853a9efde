"""/v1/avatars/{id}/variants: teach a ready avatar a variant, and take an added one away again."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from pydantic import Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth import CurrentTenant
from app.avatars.endpoints import find_ready
from app.database.models import Avatar, Job, Portrait
from app.database.session import transaction
from app.idempotency import Keep, Kept, WithKey, once
from app.jobs.endpoints import show as show_job
from app.jobs.schemas import QueuedBody
from app.jobs.store import TERMINAL, enqueue
from app.portraits.endpoints import find_portrait
from app.problems import WITH_KEY, Problem, documented, not_found
from app.quotas import check_jobs
from app.state import AppState
from app.text import Strict
from app.variants.schemas import Method
from app.vocabulary.wishes import known_variant, prompted_variant
from perse_engine.vocabulary import VariantSpec

router = APIRouter(prefix="/v1/avatars/{avatar_id}/variants", tags=["variants"])

MAX_ADDED = 64
"""Per avatar: each makes its files larger."""


class AddVariant(Strict):
    """What to teach: a variant by its id, in own words, or as on another photo of the same person; and how."""

    category: str
    id: str | None = Field(None, examples=["beanie-red", "wish-style-full-length-short"])
    prompt: str | None = Field(None, max_length=500, examples=["short curly auburn hair"])
    portrait_id: str | None = Field(
        None, description="an uploaded photo of the same person, edited or not; for method inversion only"
    )
    method: Method = Field(
        "adapter",
        description="adapter: learn it, about half a minute; inversion: only find the code, in the category's own "
        "latent space, that comes nearest; zero_shot: only reckon the code from words, where trained variants are near",
    )

    @model_validator(mode="after")
    def one_of_three(self) -> AddVariant:
        """Exactly one, and a photo only for inversion."""
        if sum(value is not None for value in (self.id, self.prompt, self.portrait_id)) != 1:
            raise ValueError("a variant has either an id, a prompt or a portrait_id")
        if self.portrait_id is not None and self.method != "inversion":
            raise ValueError("a portrait_id goes with the method inversion")
        return self


@router.post(
    "",
    status_code=202,
    response_model=QueuedBody,
    responses=documented(
        "not_found",
        "not_ready",
        "conflict",
        "too_large",
        "unknown_name",
        "unsupported_wish",
        "quota_exceeded",
        *WITH_KEY,
    ),
    dependencies=[WithKey],
)
def add_variant(avatar_id: str, body: AddVariant, request: Request, tenant: CurrentTenant, state: AppState) -> Response:
    """Queue the teaching of one more variant; looks without it stay as they are, to the bit.

    When the job has succeeded, the avatar has a new version and looks may name the variant.
    """
    spec = None if body.portrait_id is not None else _spec(body)

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            avatar = find_ready(session, tenant, avatar_id)
            check_jobs(session, tenant, state.settings)
            if spec is None:
                wanted, key = _reference(session, tenant, avatar, body)
            else:
                wanted, key = {"category": spec.category, "id": spec.id, "method": body.method}, None
                portrait = session.get(Portrait, avatar.portrait_id)
                key = None if portrait is None else portrait.storage_key
                if key is None and body.method != "zero_shot":
                    hint = "Only method zero_shot needs no portrait; or build an avatar again, with this variant."
                    raise Problem("conflict", "The portrait that the avatar was made from was erased.", hint)
            _check_room(session, avatar, wanted["category"], wanted["id"])
            job = enqueue(
                session, tenant_id=tenant, kind="add_variant", queue="train", avatar_id=avatar.id,
                input={"add": wanted, "portrait_key": key},
                max_attempts=state.settings.max_attempts, deadline_s=state.settings.job_deadline_s,
            )  # fmt: skip
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})

    return once(request, state.sessions, tenant, json.dumps(body.model_dump(), sort_keys=True).encode(), work)


@router.delete(
    "/{category}/{variant}",
    status_code=202,
    response_model=QueuedBody,
    responses=documented("not_found", "not_ready", "conflict", "quota_exceeded", *WITH_KEY),
    dependencies=[WithKey],
)
def remove_variant(
    avatar_id: str, category: str, variant: str, request: Request, tenant: CurrentTenant, state: AppState
) -> Response:
    """Queue the removal of an added variant: its code and its Gaussians go, and looks can no longer name it."""

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            avatar = find_ready(session, tenant, avatar_id)
            if variant not in avatar.detail.get("variants", {}).get(category, ()):
                raise not_found("variant")
            if (category, variant) not in added_names(avatar):
                raise Problem("conflict", f"{category}/{variant} was trained with the avatar and belongs to it.")
            check_jobs(session, tenant, state.settings)
            job = enqueue(
                session, tenant_id=tenant, kind="remove_variant", queue="train", avatar_id=avatar.id,
                input={"remove": {"category": category, "id": variant}},
                max_attempts=state.settings.max_attempts, deadline_s=state.settings.job_deadline_s,
            )  # fmt: skip
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})

    return once(request, state.sessions, tenant, b"", work)


def added_names(avatar: Avatar) -> set[tuple[str, str]]:
    """(category, id) of the variants that were added."""
    return {(one["category"], one["id"]) for one in avatar.detail.get("added", ())}


def _spec(body: AddVariant) -> VariantSpec:
    if body.id is not None:
        return known_variant(body.category, body.id)
    return prompted_variant(body.category, body.prompt or "")


def _reference(session: Session, tenant: str, avatar: Avatar, body: AddVariant) -> tuple[dict[str, str], str]:
    """The variant that a photo shows, and where the photo is."""
    if body.category not in avatar.detail.get("variants", {}):
        raise Problem("unknown_name", f"This avatar cannot change {body.category!r}.")
    photo = find_portrait(session, tenant, str(body.portrait_id))
    return {"category": body.category, "id": f"reference-{photo.sha256[:12]}", "method": "reference"}, photo.storage_key


def _check_room(session: Session, avatar: Avatar, category: str, id: str) -> None:
    """409 when the avatar has the variant or is about to; 429 when it has many."""
    if id in avatar.detail.get("variants", {}).get(category, ()):
        raise Problem("conflict", f"The avatar has {category}/{id} already.")
    pending = select(Job).where(Job.avatar_id == avatar.id, Job.kind == "add_variant", Job.status.not_in(TERMINAL))
    waiting = [job.input["add"] for job in session.scalars(pending)]
    if any((one["category"], one["id"]) == (category, id) for one in waiting):
        raise Problem("conflict", f"A job that adds {category}/{id} has not ended yet.")
    if len(added_names(avatar)) + len(waiting) >= MAX_ADDED:
        hint = "Take one away: DELETE /v1/avatars/{id}/variants/{category}/{variant}."
        raise Problem("quota_exceeded", f"An avatar may have at most {MAX_ADDED} added variants.", hint)
