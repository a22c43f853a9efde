"""Avatars: wait for them, render them, edit them, take them home, erase them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.client.animation import Drive, request_of
from app.client.artifact import Artifact
from app.client.errors import NotFound
from app.client.files import File
from app.client.job import Job, OnPreview, OnProgress
from app.client.transport import Api
from app.client.values import Added, Camera, Codes, Latents, known, moment
from app.client.webhook import WebhookEndpoint

Look = Mapping[str, Mapping[str, float | Sequence[float]]]
"""category -> {variant id: weight} or {"code": numbers}."""


@dataclass(frozen=True)
class Picture:
    """A rendered picture."""

    data: bytes
    media_type: str
    render_ms: float
    is_stored: bool
    etag: str

    def save(self, path: str | Path) -> Path:
        """Write it to a file."""
        Path(path).write_bytes(self.data)
        return Path(path)


@dataclass(frozen=True)
class Avatar:
    """An avatar, as it was when this was read; `refresh` reads it again.

    What only a ready one can tell is None before.
    """

    id: str
    name: str | None
    status: str
    version: int
    portrait_id: str
    recipe: Mapping[str, Any]
    variants: Mapping[str, Sequence[str]] | None
    added: Sequence[Added] | None
    rejected: Sequence[str] | None
    """Variants that no model made well enough, and why."""
    expressions: Sequence[str] | None
    pose_limits_deg: Mapping[str, Sequence[float]] | None
    backends: Mapping[str, str] | None
    gaussians: int | None
    metrics: Mapping[str, Any] | None
    metadata: Mapping[str, str]
    created_at: datetime | None
    ready_at: datetime | None
    job: Job | None
    webhook: WebhookEndpoint | None
    """Only of one that was just made with a `webhook_url`."""
    _api: Api = field(repr=False, compare=False)

    @staticmethod
    def read(
        api: Api, body: Mapping[str, Any], job: Job | None = None, webhook: WebhookEndpoint | None = None
    ) -> Avatar:
        """From the API's JSON."""
        times = {t: moment(body[t]) for t in ("created_at", "ready_at")}
        told = body.get("added")
        added = None if told is None else [known(Added, one) for one in told]
        return known(Avatar, body, **times, added=added, job=job, webhook=webhook, _api=api)

    @property
    def _path(self) -> str:
        return f"/v1/avatars/{self.id}"

    def refresh(self) -> Avatar:
        """As it is now."""
        return Avatar.read(self._api, self._api.get(self._path), self.job, self.webhook)

    def wait(
        self, on_progress: OnProgress | None = None, timeout_s: float | None = None, *,
        on_preview: OnPreview | None = None,
    ) -> Avatar:  # fmt: skip
        """Until it is ready; `on_progress` (`print`, for example) is told of each step. See `Job.wait`."""
        if self.status != "ready":
            self.building().wait(on_progress, timeout_s, on_preview=on_preview)
        return self.refresh()

    def building(self) -> Job:
        """The job that builds it."""
        if self.job is not None:
            return self.job
        for body in self._api.listed("/v1/jobs"):
            job = Job.read(self._api, body)
            if job.kind == "create_avatar" and job.avatar_id == self.id:
                return job
        raise NotFound(404, {"code": "not_found", "detail": "There is no job that builds this avatar."})

    def cancel(self) -> Job:
        """Stop its building."""
        return self.building().cancel()

    def render(
        self, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0,
        gaze_yaw_deg: float = 0.0, gaze_pitch_deg: float = 0.0, expression: Mapping[str, float] | None = None,
        look: Look | str | None = None, camera: Camera | None = None, width_px: int = 512, height_px: int = 512,
        background: Sequence[float] | str | None = None, light: float = 0.0, format: str = "png",
    ) -> Picture:  # fmt: skip
        """A picture with the head at this pose, in a share 0..1 of the photo's light.

        `look` is a saved one's name, or weights or codes by category.
        """
        gaze = {"yaw_deg": gaze_yaw_deg, "pitch_deg": gaze_pitch_deg}
        body: dict[str, Any] = {
            "pose": {"yaw_deg": yaw_deg, "pitch_deg": pitch_deg, "roll_deg": roll_deg, "gaze": gaze},
            "expression": expression or {}, "look": look or {}, "camera": asdict(camera or Camera()),
            "width_px": width_px, "height_px": height_px, "light": light, "format": format,
        }  # fmt: skip
        if background is not None:
            body["background"] = background
        response = self._api.call("POST", f"{self._path}/renders", json=body)
        headers = response.headers
        return Picture(
            response.content, headers["Content-Type"], float(headers.get("X-Render-Time-Ms", "nan")),
            headers.get("X-Render-Stored") == "true", headers.get("ETag", ""),
        )  # fmt: skip

    def add_variant(
        self, category: str, prompt: str | None = None, *, id: str | None = None, portrait_id: str | None = None,
        method: str = "adapter",
    ) -> Job:  # fmt: skip
        """Teach a ready avatar one more variant, in own words or by its id; wait for the job, then `refresh`.

        `method`: adapter, inversion or zero_shot; see the API. `portrait_id`: an uploaded photo of the same person, for
        inversion. The job's `result["variant"]` is what looks name it by.

        Raises:
            Refused: words that were not understood, or that the editor cannot make.
            Conflict: the avatar has it already.
        """
        body = {"category": category, "method": method}
        ways = {"prompt": prompt, "id": id, "portrait_id": portrait_id}
        body |= {name: value for name, value in ways.items() if value is not None}
        return Job.read(self._api, self._api.call("POST", f"{self._path}/variants", json=body).json()["job"])

    def remove_variant(self, category: str, variant: str) -> Job:
        """Take an added variant away again."""
        path = f"{self._path}/variants/{category}/{variant}"
        return Job.read(self._api, self._api.call("DELETE", path).json()["job"])

    def export(
        self, format: str, *, look: Look | str | None = None, yaw_deg: float = 0.0, pitch_deg: float = 0.0,
        roll_deg: float = 0.0, expression: Mapping[str, float] | None = None, content: str = "gaussians",
        y_down: bool = False, spz_version: int = 3,
    ) -> Job:  # fmt: skip
        """Write a file for another program: ply, spz, splat, glb or bundle; `job.wait().artifacts()` has it.

        `content`, of a glb: gaussians, rig, both or mesh. The job's `result["frame"]` says what its axes are. The same
        wish of the same version of the avatar is the same job.
        """
        body: dict[str, Any] = {
            "format": format, "pose": {"yaw_deg": yaw_deg, "pitch_deg": pitch_deg, "roll_deg": roll_deg},
            "look": look or {}, "expression": expression or {}, "content": content, "y_down": y_down,
            "spz_version": spz_version,
        }  # fmt: skip
        return Job.read(self._api, self._api.call("POST", f"{self._path}/exports", json=body).json()["job"])

    def animate(
        self, drive: Drive, *, look: Look | str | None = None, looks: Sequence[tuple[float, Look | str]] = (),
        audio: File | None = None, camera: Camera | None = None, fps: int = 25, width_px: int = 512,
        height_px: int = 512, background: Sequence[float] | str | None = None, format: str = "mp4",
    ) -> Job:  # fmt: skip
        """Make a video: mp4, webm, or png for a zip file of pictures; `job.wait().artifacts()` has it and its motion.

        `looks` are (seconds, look), in between they change smoothly; `audio` is heard instead of another sound.
        """
        request = request_of(
            drive, audio, camera, look=look or None, fps=fps, width_px=width_px, height_px=height_px,
            looks=[{"time_s": time_s, "look": worn} for time_s, worn in looks], background=background, format=format,
        )  # fmt: skip
        return Job.read(self._api, self._api.call("POST", f"{self._path}/animations", **request).json()["job"])

    def latents(self) -> Latents:
        """The codes of its categories."""
        body = self._api.get(f"{self._path}/latents")
        return Latents(body["dimension"], {c: known(Codes, entry) for c, entry in body["categories"].items()})

    def looks(self) -> dict[str, Look]:
        """Saved looks by name."""
        return {entry["name"]: entry["look"] for entry in self._api.listed(f"{self._path}/looks")}

    def look(self, name: str) -> Look:
        """A saved look."""
        worn: Look = self._api.get(f"{self._path}/looks/{name}")["look"]
        return worn

    def save_look(self, name: str, look: Look) -> None:
        """Save a look; `render(look=name)` takes it. An old one of that name is replaced."""
        self._api.call("PUT", f"{self._path}/looks/{name}", json={"look": look})

    def delete_look(self, name: str) -> None:
        """Forget a saved look."""
        self._api.call("DELETE", f"{self._path}/looks/{name}")

    def artifacts(self) -> Iterator[Artifact]:
        """Its files, newest first."""
        return (Artifact.read(self._api, body) for body in self._api.listed(f"{self._path}/artifacts"))

    def download(self, folder: str | Path, names: Collection[str] | None = None) -> list[Path]:
        """Its files, or those of these names, into a folder; called again, it fetches what is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        return [a.save(Path(folder)) for a in self.artifacts() if names is None or a.name in names]

    def delete(self, timeout_s: float | None = None) -> Job:
        """Erase every byte of it, and wait until nothing is left."""
        body = self._api.call("DELETE", self._path).json()
        return Job.read(self._api, body["job"]).wait(timeout_s=timeout_s)
