"""Tables. Every row that a client can reach belongs to a tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, TypeDecorator, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

DEFAULT_TENANT = "tenant_default"


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC in Python; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With a zone."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime, dict[str, Any]: JSON, list[Any]: JSON, str: String}  # noqa: RUF012


class Tenant(Base):
    """Whoever owns rows; the embedded service has one."""

    __tablename__ = "tenants"
    id: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Own ones, by the names of app/quotas.py; what is not here is as the settings say."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class ApiKey(Base):
    """Only the key's SHA-256 is stored."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """Written at most once a minute."""
    tenant: Mapped[Tenant] = relationship(lazy="joined")


class RateWindow(Base):
    """How many requests a key has made in the window of this number; earlier windows are forgotten."""

    __tablename__ = "rate_windows"
    subject: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    used: Mapped[int]


class Portrait(Base):
    """A sanitised photo in storage and what was found on it."""

    __tablename__ = "portraits"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    storage_key: Mapped[str]
    media_type: Mapped[str]
    sha256: Mapped[str]
    report: Mapped[dict[str, Any]]
    consent: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Avatar(Base):
    """status: building, ready, failed, deleting."""

    __tablename__ = "avatars"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    portrait_id: Mapped[str]
    name: Mapped[str | None]
    status: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    recipe: Mapped[dict[str, Any]]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Variants, expressions, pose limits, backends, metrics; filled when it is ready."""
    client_metadata: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]


class LatentCode(Base):
    """One code of one category; the source's is a row too."""

    __tablename__ = "latent_codes"
    __table_args__ = (UniqueConstraint("avatar_id", "category", "variant"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    avatar_id: Mapped[str] = mapped_column(ForeignKey("avatars.id", ondelete="CASCADE"), index=True)
    category: Mapped[str]
    variant: Mapped[str]
    is_source: Mapped[bool] = mapped_column(default=False)
    vector: Mapped[list[Any]]


class Look(Base):
    """A named look of an avatar."""

    __tablename__ = "looks"
    __table_args__ = (UniqueConstraint("avatar_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    avatar_id: Mapped[str] = mapped_column(ForeignKey("avatars.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    look: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """The row is the job, or a part of one. States and their changes: app/jobs/store.py and parts.py."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_claim", "status", "queue", "priority", "created_at"),
        # Of a part only; rows of jobs have no entry.
        Index(
            "ix_jobs_parts", "parent_id", "part_index", unique=True,
            postgresql_where=text("parent_id IS NOT NULL"), sqlite_where=text("parent_id IS NOT NULL"),
        ),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    avatar_id: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]
    queue: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0)
    status: Mapped[str]
    status_sequence: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    available_at: Mapped[datetime] = mapped_column(default=now)
    lease_owner: Mapped[str | None]
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    input: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    parent_id: Mapped[str | None]
    """Of a part: the job it belongs to. A part has no avatar_id and is not shown as a job."""
    part_index: Mapped[int | None]
    weight: Mapped[float] = mapped_column(default=1.0)
    """A part's share of what all parts of its job are."""
    parts_total: Mapped[int] = mapped_column(default=0)
    """Into how many parts the job has fanned out."""


class JobEvent(Base):
    """What happened to a job, in order: the source of the event stream."""

    __tablename__ = "job_events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Artifact(Base):
    """An immutable stored file of an avatar."""

    __tablename__ = "artifacts"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    avatar_id: Mapped[str] = mapped_column(ForeignKey("avatars.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    storage_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Outbox(Base):
    """Bells to ring: written with the job's change, published by the relay, then deleted."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    queue: Mapped[str]
    job_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookEndpoint(Base):
    """Who is told when jobs end: all of a tenant's, or the one of `job_id`. The secret is kept: it signs."""

    __tablename__ = "webhook_endpoints"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    url: Mapped[str]
    events: Mapped[list[Any]]
    secret: Mapped[str]
    old_secret: Mapped[str | None]
    old_secret_until: Mapped[datetime | None]
    """Until then both sign."""
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """A message to an endpoint, written with the job's end. status: pending, delivered, dead."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (UniqueConstraint("endpoint_id", "job_id"), Index("ix_webhook_deliveries_due", "status", "due_at"))
    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    event: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    failure: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """The first answer to a POST, for its repetitions."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[str]
    status_code: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    body: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
