"""A typed client of the REST API. Needs httpx only; docs/guides/client.md shows it at work.

from app.client import Perse

perse = Perse("http://127.0.0.1:8000")
avatar = perse.create("me.jpg", preset="draft", consent="self")
avatar.wait(on_progress=print)
avatar.render(yaw_deg=20, look={"hair": {"long-wavy-blonde": 0.7}}).save("r.png")
avatar.download("out/")
"""

from app.client.animation import Drive
from app.client.artifact import Artifact
from app.client.avatar import Avatar, Picture
from app.client.client import Perse
from app.client.driver import Capture, Driver
from app.client.errors import (
    ApiError,
    BadSignature,
    Conflict,
    Damaged,
    JobCanceled,
    JobEnded,
    JobExpired,
    JobFailed,
    NotFound,
    NotUnderstood,
    PerseError,
    RateLimited,
    Refused,
    ServerFailed,
    Unauthorized,
    Unreachable,
    WaitTimeout,
)
from app.client.job import Job
from app.client.portrait import Portrait
from app.client.values import Added, Camera, Codes, Latents, Parts, Problem, Progress, Variant, Wish
from app.client.webhook import Delivery, WebhookEndpoint, verify_webhook

__all__ = [
    "Added",
    "ApiError",
    "Artifact",
    "Avatar",
    "BadSignature",
    "Camera",
    "Capture",
    "Codes",
    "Conflict",
    "Damaged",
    "Delivery",
    "Drive",
    "Driver",
    "Job",
    "JobCanceled",
    "JobEnded",
    "JobExpired",
    "JobFailed",
    "Latents",
    "NotFound",
    "NotUnderstood",
    "Parts",
    "Perse",
    "PerseError",
    "Picture",
    "Portrait",
    "Problem",
    "Progress",
    "RateLimited",
    "Refused",
    "ServerFailed",
    "Unauthorized",
    "Unreachable",
    "Variant",
    "WaitTimeout",
    "WebhookEndpoint",
    "Wish",
    "verify_webhook",
]
