"""Who must be told that a job has ended: rows, written in the very transaction in which it ends."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database.models import Job, WebhookDelivery, WebhookEndpoint
from app.ids import new_id


def announce(session: Session, job_id: str) -> None:
    """Add a delivery for each endpoint that wants to know of this job's end.

    A crash before the commit undoes the end and the deliveries alike: none is lost, none is of an end that was not.
    """
    tenant, status = session.execute(select(Job.tenant_id, Job.status).where(Job.id == job_id)).one()
    endpoints = session.scalars(
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.tenant_id == tenant,
            WebhookEndpoint.disabled_at.is_(None),
            or_(WebhookEndpoint.job_id.is_(None), WebhookEndpoint.job_id == job_id),
        )
        .order_by(WebhookEndpoint.id)
        # Deleting or disabling one waits until these deliveries are there, and takes them along.
        .with_for_update(read=True)
    )
    event = f"job.{status}"
    session.add_all(
        WebhookDelivery(id=new_id("whd"), endpoint_id=endpoint.id, job_id=job_id, event=event)
        for endpoint in endpoints
        if event in endpoint.events
    )
