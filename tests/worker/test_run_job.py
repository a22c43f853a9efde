"""Jobs whose avatar is deleted while they run leave no byte."""

from __future__ import annotations

import dataclasses

from app.database.models import Avatar, Job
from app.database.session import Sessions, transaction
from app.engine_client import AvatarFiles, RenderedImage, RenderRequest
from app.storage import avatar_prefix
from tests.app.conftest import TENANT, PromptEngine
from tests.worker.conftest import add_avatar, claimed
from worker.run_job import run_job
from worker.worker import Worker


class DeletedMeanwhile(PromptEngine):
    """Renders, while somebody deletes the avatar."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self._sessions = sessions

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        with transaction(self._sessions) as session:
            row = session.get(Avatar, avatar.avatar_id)
            assert row is not None
            row.status = "deleting"
        return super().render(avatar, request)


def test_a_render_job_of_a_deleted_avatar_leaves_nothing(worker: Worker) -> None:
    id = add_avatar(worker)
    prefix = avatar_prefix(TENANT, id)
    claim = claimed(worker, "render", id, request={}, key=f"{prefix}/renders/a.png")
    run_job(dataclasses.replace(worker, engine=DeletedMeanwhile(worker.sessions)), claim)
    with worker.sessions() as session:
        job = session.get(Job, claim.id)
        assert job is not None and job.error is not None
        assert (job.status, job.error["code"]) == ("failed", "not_found")
    assert list(worker.storage.list(prefix)) == []
