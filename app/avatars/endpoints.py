"""/v1/avatars: make, look at, erase; latents and named looks."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.answers import Listed
from app.auth import CurrentTenant
from app.avatars.choices import ModelsWish, chosen
from app.avatars.schemas import AvatarBody, CreatedBody, LatentsBody, SavedLook
from app.database.models import Avatar, Job, LatentCode, Look
from app.database.session import transaction
from app.idempotency import Keep, Kept, WithKey, once
from app.ids import new_id
from app.jobs.endpoints import show as show_job
from app.jobs.schemas import QueuedBody
from app.jobs.store import enqueue, request_cancel
from app.listing import PageQuery, list_page
from app.portraits.endpoints import find_portrait
from app.problems import WITH_KEY, Problem, documented, not_found
from app.quotas import check_avatars, check_jobs
from app.state import AppState
from app.text import Strict
from app.vocabulary.wishes import check_category, known_variant, prompted_variant
from app.webhooks.endpoints import check_target, new_endpoint
from app.webhooks.endpoints import show_new as show_webhook
from app.webhooks.schemas import EVENTS
from app.webhooks.targets import MAX_URL
from perse_engine.vocabulary import CATEGORIES, PRESETS

router = APIRouter(prefix="/v1/avatars", tags=["avatars"])

CODE_SIZE = 32
MAX_NUMBER = 1e6
LINKS = ("renders", "animations", "exports", "latents", "looks", "variants", "artifacts")
ERASE_ATTEMPTS = 20
"""Erasing outlasts any trouble that other jobs may give up at."""
LookName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class VariantWish(Strict):
    """A variant: by the id that the catalogue or `POST /v1/vocabulary/wishes` gives it, or in own words."""

    category: str
    id: str | None = Field(None, examples=["beanie-red", "wish-style-full-length-short"])
    prompt: str | None = Field(None, max_length=500, examples=["a short beard"])

    @model_validator(mode="after")
    def one_of_two(self) -> VariantWish:
        """Either way, not both."""
        if (self.id is None) == (self.prompt is None):
            raise ValueError("a variant has either an id or a prompt")
        return self


class CreateAvatar(Strict):
    """What to build."""

    portrait_id: str
    preset: str = "draft"
    name: str | None = Field(None, max_length=200)
    categories: list[str] | None = Field(None, max_length=len(CATEGORIES))
    variants: list[VariantWish] = Field(default_factory=list, max_length=100)
    seed: int = Field(0, ge=0, lt=2**32)
    editor: str = Field("procedural", description="who makes the variants; see `backends` of GET /v1/vocabulary")
    animator: str = Field("rig", description="who makes the clips")
    rig: str = Field("landmarks", description="what gives the head its depth and motions")
    learned: ModelsWish | None = Field(None, description="models of an editor or animator that takes some")
    metadata: dict[str, str] = Field(default_factory=dict, max_length=16)
    webhook_url: str | None = Field(None, max_length=MAX_URL, description="told when the job ends, whichever way")


class LookBody(Strict):
    """Per category variants with weights, or a raw code."""

    look: dict[str, dict[str, Any]]


def show(avatar: Avatar) -> dict[str, Any]:
    """An avatar as JSON."""
    base = f"/v1/avatars/{avatar.id}"
    own = {
        "id": avatar.id,
        "name": avatar.name,
        "status": avatar.status,
        "version": avatar.version,
        "portrait_id": avatar.portrait_id,
        "recipe": avatar.recipe,
        "metadata": avatar.client_metadata,
        "created_at": avatar.created_at,
        "ready_at": avatar.ready_at,
        "links": {k: f"{base}/{k}" for k in LINKS} | {"self": base},
    }
    return AvatarBody.model_validate(avatar.detail | own).to_json()


@router.post(
    "",
    status_code=202,
    response_model=CreatedBody,
    responses=documented(
        "not_found", "too_large", "unknown_name", "unsupported_wish", "not_offered", "invalid_value", "quota_exceeded",
        *WITH_KEY,
    ),
    dependencies=[WithKey],
)  # fmt: skip
def create_avatar(
    body: CreateAvatar, request: Request, tenant: CurrentTenant, state: AppState,
    cancel_after: Annotated[int | None, Header(ge=1, description="seconds until an unfinished job expires")] = None,
) -> Response:  # fmt: skip
    """Queue the building of an avatar; poll the job, or follow its events."""
    recipe = _recipe(body) | chosen(body.editor, body.animator, body.rig, body.learned, state.settings)
    deadline_s = min(cancel_after or math.inf, state.settings.job_deadline_s)

    def work(keep: Keep) -> Kept:
        if body.webhook_url is not None:
            check_target(body.webhook_url, state.settings)
        with transaction(state.sessions) as session:
            portrait = find_portrait(session, tenant, body.portrait_id)
            check_avatars(session, tenant, state.settings)
            check_jobs(session, tenant, state.settings)
            avatar = Avatar(
                id=new_id("ava"), tenant_id=tenant, portrait_id=portrait.id, name=body.name, status="building",
                recipe=recipe, detail={}, client_metadata=body.metadata,
            )  # fmt: skip
            session.add(avatar)
            session.flush()
            job = enqueue(
                session, tenant_id=tenant, kind="create_avatar", queue="train", avatar_id=avatar.id,
                input={"portrait_key": portrait.storage_key, "recipe": recipe},
                max_attempts=state.settings.max_attempts, deadline_s=deadline_s,
            )  # fmt: skip
            webhook = None
            if body.webhook_url is not None:
                endpoint = new_endpoint(tenant, body.webhook_url, list(EVENTS), job.id)
                session.add(endpoint)
                session.flush()
                webhook = show_webhook(endpoint)
            made = {"avatar": show(avatar), "job": show_job(job), "webhook": webhook}
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, made)

    fingerprint = json.dumps([body.model_dump(), cancel_after], sort_keys=True).encode()
    return once(request, state.sessions, tenant, fingerprint, work)


def _recipe(body: CreateAvatar) -> dict[str, Any]:
    if body.preset not in PRESETS:
        raise Problem("unknown_name", f"There is no preset {body.preset!r}.", f"Presets: {', '.join(PRESETS)}.")
    for category in body.categories or []:
        check_category(category)
    variants = [
        known_variant(w.category, w.id) if w.id is not None else prompted_variant(w.category, w.prompt or "")
        for w in body.variants
    ]
    return {
        "preset": body.preset,
        "categories": body.categories,
        "variants": [[v.category, v.id] for v in variants],
        "seed": body.seed,
    }


@router.get("", response_model=Listed[AvatarBody])
def list_avatars(tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    with state.sessions() as session:
        return list_page(session, select(Avatar).where(Avatar.tenant_id == tenant), Avatar, page, show)


@router.get("/{avatar_id}", response_model=AvatarBody, responses=documented("not_found"))
def get_avatar(avatar_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """Status, recipe and, when ready, variants, expressions, pose limits, metrics and backends."""
    with state.sessions() as session:
        return show(find_avatar(session, tenant, avatar_id))


@router.delete(
    "/{avatar_id}",
    status_code=202,
    response_model=QueuedBody,
    responses=documented("not_found", *WITH_KEY),
    dependencies=[WithKey],
)
def delete_avatar(avatar_id: str, request: Request, tenant: CurrentTenant, state: AppState) -> Response:
    """Queue the erasing of every byte; the job's result says what is left, which is nothing."""

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            avatar = find_avatar(session, tenant, avatar_id)
            avatar.status = "deleting"
            # What is still being built is stopped, and what it finished anyway is refused (worker/build_avatar.py).
            for building in session.scalars(select(Job).where(Job.avatar_id == avatar.id)).all():
                request_cancel(session, building)
            job = enqueue(
                session, tenant_id=tenant, kind="delete_avatar", queue="io", avatar_id=avatar.id, input={}, priority=5,
                max_attempts=ERASE_ATTEMPTS,
            )  # fmt: skip
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})

    return once(request, state.sessions, tenant, b"", work)


@router.get("/{avatar_id}/latents", response_model=LatentsBody, responses=documented("not_found", "not_ready"))
def get_latents(avatar_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """Every category's codes, from their rows."""
    with state.sessions() as session:
        find_ready(session, tenant, avatar_id)
        rows = session.scalars(select(LatentCode).where(LatentCode.avatar_id == avatar_id)).all()
    categories: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = categories.setdefault(row.category, {"source": None, "variants": {}})
        if row.is_source:
            entry["source"] = row.vector
        else:
            entry["variants"][row.variant] = row.vector
    return {"dimension": len(rows[0].vector) if rows else 0, "categories": categories}


@router.get("/{avatar_id}/looks", response_model=Listed[SavedLook], responses=documented("not_found"))
def list_looks(avatar_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """Saved looks by name."""
    with state.sessions() as session:
        find_avatar(session, tenant, avatar_id)
        rows = session.scalars(select(Look).where(Look.avatar_id == avatar_id).order_by(Look.name)).all()
        return {"data": [{"name": r.name, "look": r.look} for r in rows], "next_cursor": None}


@router.put(
    "/{avatar_id}/looks/{name}",
    response_model=SavedLook,
    responses=documented("not_found", "not_ready", "too_large", "unknown_name", "invalid_value"),
)
def save_look(avatar_id: str, name: LookName, body: LookBody, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """Save a look under a name; an old one of that name is replaced."""
    with transaction(state.sessions) as session:
        check_look(find_ready(session, tenant, avatar_id), body.look)
        row = session.scalar(select(Look).where(Look.avatar_id == avatar_id, Look.name == name))
        if row is None:
            session.add(Look(avatar_id=avatar_id, name=name, look=body.look))
        else:
            row.look = body.look
    return {"name": name, "look": body.look}


@router.get("/{avatar_id}/looks/{name}", response_model=SavedLook, responses=documented("not_found"))
def get_look(avatar_id: str, name: LookName, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """A saved look."""
    with state.sessions() as session:
        find_avatar(session, tenant, avatar_id)
        return {"name": name, "look": find_look(session, avatar_id, name).look}


@router.delete("/{avatar_id}/looks/{name}", status_code=204, responses=documented("not_found"))
def delete_look(avatar_id: str, name: LookName, tenant: CurrentTenant, state: AppState) -> None:
    """Forget a saved look."""
    with transaction(state.sessions) as session:
        find_avatar(session, tenant, avatar_id)
        session.delete(find_look(session, avatar_id, name))


def find_avatar(session: Session, tenant: str, id: str) -> Avatar:
    """The tenant's avatar, or 404."""
    avatar = session.scalar(select(Avatar).where(Avatar.tenant_id == tenant, Avatar.id == id))
    if avatar is None:
        raise not_found("avatar")
    return avatar


def find_ready(session: Session, tenant: str, id: str) -> Avatar:
    """As `find_avatar`; 409 when it is not ready."""
    avatar = find_avatar(session, tenant, id)
    if avatar.status != "ready":
        raise Problem("not_ready", f"The avatar is {avatar.status}.", hint="Wait for its job to succeed.")
    return avatar


def find_look(session: Session, avatar_id: str, name: str) -> Look:
    """A saved look, or 404."""
    row = session.scalar(select(Look).where(Look.avatar_id == avatar_id, Look.name == name))
    if row is None:
        raise not_found("look")
    return row


def check_look(avatar: Avatar, look: dict[str, dict[str, Any]]) -> None:
    """Refuse names that the avatar does not have and weights out of range."""
    variants: dict[str, list[str]] = avatar.detail.get("variants", {})
    for category, entry in look.items():
        if category not in variants:
            raise Problem("unknown_name", f"This avatar cannot change {category!r}.", f"It can: {', '.join(variants)}.")
        if "code" in entry:
            code = entry["code"]
            is_code = isinstance(code, list) and len(code) == CODE_SIZE and all(map(_is_number, code))
            if not is_code or len(entry) > 1:
                raise Problem("invalid_value", f"The code of {category} is not a list of {CODE_SIZE} numbers.")
            continue
        for id, weight in entry.items():
            if id not in variants[category]:
                raise Problem("unknown_name", f"This avatar has no variant {category}/{id}.")
            if not _is_number(weight) or not 0 <= weight <= 1:
                raise Problem("invalid_value", f"The weight of {category}/{id} must lie in 0..1.")
        if sum(entry.values()) > 1 + 1e-6:
            raise Problem("invalid_value", f"The weights of {category} sum to more than 1.")


def _is_number(value: object) -> bool:
    # NaN is no number here either; integers may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER
