"""The body of a webhook."""

from __future__ import annotations

import json

from app.database.models import Job
from app.jobs.endpoints import show
from app.webhooks.schemas import WebhookBody


def message(event: str, job: Job) -> bytes:
    """JSON: what happened, when, and the job as the API shows it. An ended job does not change, nor does this."""
    body = WebhookBody.model_validate({"type": event, "timestamp": job.finished_at, "data": show(job)})
    return json.dumps(body.to_json()).encode()
