"""/v1/portraits: upload, look at, erase."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Request, Response, UploadFile
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.answers import Listed
from app.auth import CurrentTenant
from app.conditional import is_fresh
from app.database.models import Portrait
from app.database.session import transaction
from app.engine_client import EngineFailure
from app.idempotency import Keep, Kept, WithKey, once
from app.ids import new_id
from app.keys import ensure_tenant
from app.listing import PageQuery, list_page
from app.portraits.consent import MAGIC, read_consent
from app.portraits.schemas import PortraitBody
from app.problems import WITH_KEY, Problem, documented, not_found
from app.quotas import check_portraits
from app.state import AppState
from app.storage import portrait_prefix

router = APIRouter(prefix="/v1/portraits", tags=["portraits"])

IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    304: {"description": "Not modified"},
    **documented("not_found"),
}


def show(portrait: Portrait) -> dict[str, Any]:
    """A portrait as JSON."""
    base = f"/v1/portraits/{portrait.id}"
    own = {"id": portrait.id, "consent": portrait.consent, "created_at": portrait.created_at}
    return PortraitBody.model_validate(
        portrait.report | own | {"links": {"self": base, "image": f"{base}/image"}}
    ).to_json()


@router.post(
    "",
    status_code=201,
    response_model=PortraitBody,
    responses=documented(
        "quota_exceeded",
        "too_large",
        "unsupported_media_type",
        "undecodable",
        "too_small",
        "no_face",
        "several_faces",
        "face_too_small",
        "engine_crashed",
        "engine_timeout",
        "backend_missing",
        *WITH_KEY,
    ),
    dependencies=[WithKey],
)
def upload_portrait(
    request: Request, tenant: CurrentTenant, state: AppState,
    file: Annotated[UploadFile, File(description="JPEG, PNG or WebP; at most 20 MB and 40 million pixels")],
    consent: Annotated[str, Form(description='JSON: {"version": "1", "subject": "self" or "authorised"}')],
) -> Response:  # fmt: skip
    """Upload a photo. What is stored is a clean copy without any metadata; a refused one leaves nothing."""
    agreed = read_consent(consent)
    data = file.file.read(state.settings.max_upload_bytes + 1)
    if len(data) > state.settings.max_upload_bytes:
        raise Problem("too_large", f"The file has more than {state.settings.max_upload_bytes} bytes.")
    if not MAGIC.match(data):
        raise Problem("unsupported_media_type", "The file is no JPEG, PNG or WebP.", hint="Save the photo as JPEG.")

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions, writes=False) as session:
            # Before the engine works for nothing; what counts is the check below.
            check_portraits(session, tenant, state.settings)
        try:
            analysed = state.engine.analyse(data)
        except EngineFailure as failure:
            raise Problem(failure.code, failure.detail, failure.hint) from failure
        id = new_id("por")
        key = f"{portrait_prefix(tenant, id)}/portrait"
        state.storage.put_bytes(key, analysed.image, analysed.media_type)
        try:
            with transaction(state.sessions) as session:
                ensure_tenant(session, tenant)
                check_portraits(session, tenant, state.settings)
                portrait = Portrait(
                    id=id, tenant_id=tenant, storage_key=key, media_type=analysed.media_type,
                    sha256=hashlib.sha256(analysed.image).hexdigest(), report=analysed.report,
                    consent=agreed.model_dump(exclude_none=True),
                )  # fmt: skip
                session.add(portrait)
                session.flush()
                return keep(session, 201, {"Location": f"/v1/portraits/{id}"}, show(portrait))
        except BaseException:
            state.storage.delete_prefix(portrait_prefix(tenant, id))
            raise

    return once(request, state.sessions, tenant, hashlib.sha256(data).digest() + consent.encode(), work)


@router.get("", response_model=Listed[PortraitBody])
def list_portraits(tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    with state.sessions() as session:
        return list_page(session, select(Portrait).where(Portrait.tenant_id == tenant), Portrait, page, show)


@router.get("/{portrait_id}", response_model=PortraitBody, responses=documented("not_found"))
def get_portrait(portrait_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """What was found on it."""
    with state.sessions() as session:
        return show(find_portrait(session, tenant, portrait_id))


@router.head("/{portrait_id}/image", response_class=Response, responses=IMAGE)
@router.get("/{portrait_id}/image", response_class=Response, responses=IMAGE)
def get_portrait_image(
    portrait_id: str, request: Request, tenant: CurrentTenant, state: AppState,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """The sanitised picture."""
    with state.sessions() as session:
        portrait = find_portrait(session, tenant, portrait_id)
    headers = {"Cache-Control": "private, no-store", "ETag": f'"{portrait.sha256}"'}
    if is_fresh(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        stored = state.storage.head(portrait.storage_key)
        size = {"Content-Length": str(stored.size_bytes)} if stored else {}
        return Response(media_type=portrait.media_type, headers=headers | size)
    data = b"".join(state.storage.read(portrait.storage_key))
    return Response(data, media_type=portrait.media_type, headers=headers)


@router.delete("/{portrait_id}", status_code=204, responses=documented("not_found"))
def delete_portrait(portrait_id: str, tenant: CurrentTenant, state: AppState) -> None:
    """Erase the picture and its row; avatars made from it stay."""
    with transaction(state.sessions) as session:
        session.delete(find_portrait(session, tenant, portrait_id))
    state.storage.delete_prefix(portrait_prefix(tenant, portrait_id))


def find_portrait(session: Session, tenant: str, id: str) -> Portrait:
    """The tenant's portrait, or 404."""
    portrait = session.scalar(select(Portrait).where(Portrait.tenant_id == tenant, Portrait.id == id))
    if portrait is None:
        raise not_found("portrait")
    return portrait
