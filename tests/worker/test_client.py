"""The Python client and the whole service: from a real photo to pictures and files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.client import Perse, Progress, Refused
from tests.worker.service import service


@pytest.mark.slow
def test_from_photo_to_files(tmp_path: Path, astronaut_png: bytes) -> None:
    told: list[Progress] = []
    with service(tmp_path) as running, Perse(str(running.client.base_url)) as perse:
        with pytest.raises(Refused) as refused:
            perse.upload(b"\xff\xd8\xff\xe0" + bytes(1000), consent="self")
        assert refused.value.code == "undecodable"
        avatar = perse.create(astronaut_png, preset="preview", consent="authorised", categories=(), wish="a red beanie")
        ((category, id),) = avatar.recipe["variants"]
        ready = avatar.wait(on_progress=told.append, timeout_s=280)
        assert ready.variants is not None and id in ready.variants[category]
        assert {"synthesis", "training"} <= {p.stage for p in told}

        def picture(**options: object) -> np.ndarray:
            data = avatar.render(width_px=128, height_px=128, **options).data  # type: ignore[arg-type]
            return np.asarray(Image.open(io.BytesIO(data)), np.float32)

        assert np.abs(picture(look={category: {id: 1.0}}) - picture()).mean() > 0.2
        names = {p.name for p in avatar.download(tmp_path / "out")}
        assert {"avatar.safetensors", "canonical.ply", "latents.json"} <= names
        assert avatar.delete(timeout_s=120).result is not None
