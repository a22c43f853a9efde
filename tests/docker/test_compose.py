"""The compose file and the Dockerfiles, as far as a machine without a Docker engine can check them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.supervisor import LANES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILES = sorted((ROOT / "docker").glob("Dockerfile*"))


def test_every_service_of_the_product_is_there() -> None:
    assert set(COMPOSE["services"]) == {
        "api", "worker", "worker-files", "worker-render", "worker-gpu", "postgres", "redis", "s3",
    }  # fmt: skip


def test_servers_have_health_checks_and_the_product_waits_for_them() -> None:
    for name in ("postgres", "redis", "s3"):
        assert COMPOSE["services"][name]["healthcheck"]["test"]
    for name in ("api", "worker", "worker-files", "worker-render", "worker-gpu"):
        waits = COMPOSE["services"][name]["depends_on"]
        assert {k for k, v in waits.items() if v["condition"] == "service_healthy"} == {"postgres", "redis", "s3"}


def test_no_lane_waits_for_another() -> None:
    cpu = [COMPOSE["services"][name]["command"][-1] for name in ("worker", "worker-files", "worker-render")]
    assert [tuple(queues.split(",")) for queues in cpu] == list(LANES)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY)\w*)(:?[?-]?)", text)
    assert len(secrets) >= 6
    assert {operator for _, operator in secrets} == {":?"}
    filled = [
        line for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"\w*(PASSWORD|KEY)\w*=.", line)
    ]
    assert filled == []


def test_named_volumes_are_declared() -> None:
    used = {v.split(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_settings_that_compose_sets_exist() -> None:
    from app.settings import Settings

    known = {f"PERSE_{name.upper()}" for name in Settings.model_fields}
    assert set(COMPOSE["services"]["api"]["environment"]) <= known


NOT_IN_ENV = {
    # Paths and addresses inside the containers: the images and commands say them.
    "PERSE_DATA_DIR", "PERSE_HOST", "PERSE_PORT",
}  # fmt: skip


def test_every_setting_has_its_place_and_its_default_is_the_real_one() -> None:
    from app.settings import Settings

    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# (PERSE_\w+)=(.*)$", text, re.MULTILINE))
    fields = {f"PERSE_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    given = set(COMPOSE["services"]["api"]["environment"])
    assert set(shown) == set(fields) - given - NOT_IN_ENV
    for name, value in shown.items():
        settings = Settings(**({name.removeprefix("PERSE_").lower(): value} if value else {}))
        assert getattr(settings, name.removeprefix("PERSE_").lower()) == fields[name], name
    assert all(service.get("env_file") == [".env"] for service in ours())


def test_every_setting_is_explained_in_the_guide() -> None:
    from app.settings import Settings

    guide = (ROOT / "docs/guides/service.md").read_text()
    assert [n for n in Settings.model_fields if f"`PERSE_{n.upper()}`" not in guide] == []


def ours() -> list[dict[str, Any]]:
    return [service for service in COMPOSE["services"].values() if "build" in service]


def test_build_files_exist() -> None:
    for service in COMPOSE["services"].values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.name)
def test_what_a_dockerfile_copies_exists(dockerfile: Path) -> None:
    sources = [
        source
        for line in dockerfile.read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert len(sources) >= 6
    assert [s for s in sources if not (ROOT / s).exists()] == []
