"""`perse tenants`: who owns rows, and how much of them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from app.limits import LIMITS

if TYPE_CHECKING:
    from app.database.session import Sessions
    from app.settings import Settings

HINT = "limits are " + ", ".join(LIMITS) + "; 0 is no limit, 'default' is what the settings say"


def add_tenant_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `perse tenants list` and `limit`."""
    tenants = commands.add_parser("tenants", help="tenants and their limits")
    actions = tenants.add_subparsers(required=True, metavar="WHAT")
    actions.add_parser("list", help="every tenant with its limits; own ones have a star").set_defaults(run=_list)
    limit = actions.add_parser("limit", help="give a tenant limits of its own", epilog=HINT)
    limit.add_argument("tenant", help="as of `perse keys create --tenant`")
    limit.add_argument("limits", nargs="+", type=_limit, metavar="NAME=NUMBER", help="such as max_avatars=500")
    limit.set_defaults(run=_set)


def _limit(text: str) -> tuple[str, int | None]:
    name, _, value = text.partition("=")
    if name not in LIMITS or not (value == "default" or (value.isascii() and value.isdecimal())):
        raise argparse.ArgumentTypeError(f"{text!r} is no limit: {HINT}")
    return name, None if value == "default" else int(value)


def _list(_: argparse.Namespace) -> int:
    from app.quotas import limit_of, list_tenants
    from app.settings import Settings

    settings = Settings()
    for tenant in list_tenants(_sessions(settings)):
        limits = (f"{n}={limit_of(tenant, settings, n)}{'*' if n in tenant.limits else ''}" for n in LIMITS)
        print(tenant.id, *limits)
    return 0


def _set(arguments: argparse.Namespace) -> int:
    from app.quotas import UnknownTenant, set_limits
    from app.settings import Settings

    try:
        own = set_limits(_sessions(Settings()), arguments.tenant, dict(arguments.limits))
    except UnknownTenant:
        print(f"There is no tenant {arguments.tenant!r}: it comes with its first key.", file=sys.stderr)
        return 1
    print(*(f"{name}={value}" for name, value in own.items()) if own else ("as the settings say",))
    return 0


def _sessions(settings: Settings) -> Sessions:
    from worker.serve import prepare

    return prepare(settings)
