"""The service's settings, read once from PERSE_* environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from perse_engine.vocabulary import ANIMATORS, EDITORS, RIGS

RENDER_CEILING_PX = 4096
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Embedded by default: SQLite, a local folder, an in-process supervisor."""

    model_config = SettingsConfigDict(env_prefix="PERSE_", extra="ignore")

    data_dir: Path = Path("perse-data")
    """Database, files and work folders of the embedded service; work folders and caches of workers."""
    database_url: str | None = None
    """SQLAlchemy URL; SQLite in data_dir when unset."""
    broker_url: str | None = None
    """Redis URL; with it, Celery workers run the jobs and answer renders."""
    storage_url: str | None = None
    """s3://bucket/prefix; a folder in data_dir when unset."""
    s3_endpoint_url: str | None = None
    s3_public_endpoint_url: str | None = None
    """Address under which clients reach the store, for presigned downloads; empty: content goes through the API."""
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None
    s3_region: str = "us-east-1"
    host: str = "127.0.0.1"
    port: int = 8000
    max_upload_bytes: int = 20_000_000
    max_render_px: int = Field(2048, ge=16, le=RENDER_CEILING_PX)
    """The longest side of a render."""
    max_animation_s: float = Field(120.0, gt=0, le=600)
    """How long an animation, and what drives it, may be."""
    live_capture: bool = True
    """Whether a face before somebody's camera may drive an avatar live; its pictures come here and are not kept."""
    presign_ttl_s: int = 300
    lease_s: float = 30.0
    max_attempts: int = 3
    parts: Literal["auto", "always", "never"] = "auto"
    """Whether building an avatar fans out into job parts; auto: with a broker, when models make the pictures."""
    part_variants: int = Field(1, ge=1)
    """How many variants of a category a part makes; neighbours in one part share the work of their in-between."""
    job_deadline_s: float = 86_400.0
    """A job that has not finished so long after its request expires; a request may ask for less."""
    retention_days: float = 7.0
    """How long events of finished jobs and their work folders are kept."""
    engine_hosts: int = 1
    """Warm child processes that analyse and render."""
    editors: str = "procedural"
    """Who may be asked to make variants, with commas: procedural, diffusion (where workers have its models)."""
    animators: str = "rig"
    """Who may be asked to make clips, with commas: rig, wan-animate, wan-vace."""
    rigs: str = "landmarks"
    """What heads may be built on, with commas: landmarks, flame (where PERSE_FLAME_MODEL names workers a file)."""
    choosable_models: str = ""
    """Models that requests may name, with commas; the first choices of editors and animators need no name."""
    model_memory: str = "24GB"
    """Memory preset of the workers' GPUs."""
    require_key: bool | None = None
    """Whether requests need an API key; when unset, they do unless the service listens on loopback only."""

    rate_limit_per_min: int = Field(600, ge=0)
    """Requests that a key may make in a minute; 0 is no limit. Requests without a key, on loopback, are not counted."""
    max_unfinished_jobs: int = Field(100, ge=0)
    """How many jobs of a tenant may wait and run; 0 is no limit, here and below."""
    max_avatars: int = Field(0, ge=0)
    max_portraits: int = Field(0, ge=0)
    max_webhook_endpoints: int = Field(20, ge=0)
    """Those of single requests are not counted."""

    webhook_allow_http: bool = False
    """Whether webhooks may go to http:// URLs, unencrypted."""
    webhook_allow_private: bool = False
    """Whether they may go to any port of any address, this machine's and its network's too: for development only."""

    allowed_hosts: str = ""
    """Names, with commas, beside those of loopback that a service without keys answers to; * for any."""

    @field_validator("editors", "animators", "rigs")
    @classmethod
    def known(cls, names: str, info: ValidationInfo) -> str:
        """Refuse a name that the engine does not have."""
        there = {"editors": EDITORS, "animators": ANIMATORS, "rigs": RIGS}[str(info.field_name)]
        if not set(_listed(names)) <= set(there):
            raise ValueError(f"{names!r}: expected some of {', '.join(there)}, with commas")
        return names

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """Host names, without ports, of requests that need no key."""
        named = (h.strip().strip("[]").lower() for h in self.allowed_hosts.split(","))
        return (*LOOPBACK, self.host.lower(), *filter(None, named))

    @property
    def offered_editors(self) -> tuple[str, ...]:
        """Names of `editors`."""
        return _listed(self.editors)

    @property
    def offered_animators(self) -> tuple[str, ...]:
        """Names of `animators`."""
        return _listed(self.animators)

    @property
    def offered_rigs(self) -> tuple[str, ...]:
        """Names of `rigs`."""
        return _listed(self.rigs)

    @property
    def offered_models(self) -> tuple[str, ...]:
        """Names of `choosable_models`."""
        return _listed(self.choosable_models)

    @property
    def resolved_database_url(self) -> str:
        """The database to use."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'perse.db').absolute()}"

    @property
    def is_embedded(self) -> bool:
        """No broker: this process runs the jobs."""
        return self.broker_url is None

    @property
    def reap_every_s(self) -> float:
        """How often workers whose lease has ended are looked for."""
        return min(5.0, self.lease_s / 2)

    @property
    def keys_required(self) -> bool:
        """Whether requests need an API key."""
        return self.require_key if self.require_key is not None else self.host not in LOOPBACK


def _listed(names: str) -> tuple[str, ...]:
    return tuple(filter(None, (n.strip() for n in names.split(","))))
