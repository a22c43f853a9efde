"""Write docs/reference/openapi.json from the code."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from worker.engine_host import HostPool
from worker.serve import prepare

TARGET = Path(__file__).resolve().parents[1] / "docs/reference/openapi.json"

with tempfile.TemporaryDirectory() as folder:
    settings = Settings(data_dir=Path(folder))
    storage = LocalStorage(Path(folder) / "objects")
    sessions = prepare(settings)
    app = create_app(State(settings, sessions, storage, HostPool(sessions, storage, Path(folder))))
    TARGET.write_text(json.dumps(app.openapi(), indent=1) + "\n")
