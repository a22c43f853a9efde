"""The `perse` command. Imports what a command needs only when it runs, so that --help is instant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from worker.models_cli import add_learned_options, add_loss_options, add_model_commands, add_rig_options
from worker.motion_cli import add_motion_commands
from worker.tenants_cli import add_tenant_commands

if TYPE_CHECKING:
    from app.database.session import Sessions

EPILOG = """examples:
  perse create me.jpg -o me/                       build an avatar (about two minutes on two cores)
  perse render me/ --yaw 20 --expression jawOpen=0.4 --look hair=long-wavy-blonde:0.7 -o r.png
  perse variants add me/ --category hair --prompt "short curly auburn hair"
  perse export me/ -o me.glb                       for other programs: .ply, .spz, .splat, .glb
  perse animate me/ -o talk.mp4 --clip talk        a video; also from motion files and recordings
  perse capture you.mp4 -o motion.json             a motion from a video of a face
  perse evaluate avatar me/ --report report.html   measure it, with pictures
  perse vocabulary                                 what --look and --expression may say
  perse serve                                      the REST API on http://127.0.0.1:8000
  perse models list                                pretrained models for --editor diffusion
  perse doctor                                     what this machine can do
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    from worker.processes import child_environment

    # Before numerical libraries load.
    child_environment()
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except FileNotFoundError as error:
        print(f"There is no file {error.filename}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    except Exception as error:
        from perse_engine.errors import EngineError

        if not isinstance(error, EngineError):
            raise
        print(f"perse: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The grammar of every command; `run` of what it parses is the command."""
    parser = argparse.ArgumentParser(
        prog="perse",
        description="One portrait photo in, an animatable, attribute-editable 3D Gaussian head avatar out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_create(commands)
    _add_render(commands)
    add_motion_commands(commands)
    _add_variants(commands)
    _add_export(commands)
    _add_evaluate(commands)
    _add_dataset(commands)
    words = commands.add_parser("vocabulary", help="categories, variants, expressions, presets")
    words.add_argument("--json", action="store_true")
    words.add_argument("--wish", metavar="TEXT", help="show what free text means, as variants that --look takes")
    words.set_defaults(run=_engine("vocabulary"))
    add_model_commands(commands)
    _add_service(commands)
    return parser


def _engine(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from perse_engine import commands

        return int(getattr(commands, name)(arguments))

    return run


def _preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="draft", help="draft, standard or high (default: draft)")
    parser.add_argument("--seed", type=int, default=0)


def _rasterizer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rasterizer", default="auto", help="auto, cpu, gsplat or reference (default: auto)")


def _head(parser: argparse.ArgumentParser) -> None:
    for name, text in (
        ("yaw", "head, degrees to the subject's left"),
        ("pitch", "head, degrees up"),
        ("roll", "head, degrees to the right shoulder"),
        ("gaze-yaw", "eyes"),
        ("gaze-pitch", "eyes"),
    ):
        parser.add_argument(f"--{name}", type=float, default=0.0, help=text)
    parser.add_argument("--expression", nargs="*", default=[], metavar="NAME=0.4", help="ARKit names")


def _add_create(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    create = commands.add_parser("create", help="build an avatar from a photo")
    create.add_argument("photo", type=Path)
    create.add_argument("-o", "--output", type=Path, required=True, help="folder; run again to go on after a stop")
    create.add_argument("--categories", help="only these, with commas: hair,beard,eyeglasses")
    _preset(create)
    _rasterizer(create)
    add_learned_options(create)
    add_rig_options(create)
    add_loss_options(create)
    create.set_defaults(run=_engine("create"))


def _add_render(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    render = commands.add_parser("render", help="one picture of an avatar")
    render.add_argument("folder", type=Path)
    render.add_argument("-o", "--output", type=Path, required=True, help=".png, .jpg or .webp")
    _head(render)
    render.add_argument("--camera-yaw", type=float, default=0.0, help="camera around the head")
    render.add_argument("--camera-pitch", type=float, default=0.0, help="camera above the head")
    render.add_argument("--look", nargs="*", default=[], metavar="CATEGORY=VARIANT:0.7")
    render.add_argument("--sample", nargs="*", default=[], metavar="CATEGORY:SEED", help="a random look of a category")
    render.add_argument("--width", type=int, default=512)
    render.add_argument("--height", type=int, default=512)
    render.add_argument("--light", type=float, default=0.0, help="share 0..1 of the photo's light (default: 0)")
    render.add_argument("--transparent", action="store_true")
    _rasterizer(render)
    render.set_defaults(run=_engine("render"))


VARIANTS_EPILOG = """an avatar learns one more variant without being trained again; looks without it stay as they are:
  perse variants add me/ --category hair --prompt "short curly auburn hair"
  perse variants add me/ --category eyeglasses --prompt "thin round gold glasses"
  perse variants list me/
  perse variants remove me/ eyeglasses wish-shape-round-thickness-thin-colour-gold
  perse vocabulary --wish "thin round gold glasses"      what the words mean, and the variant's id
"""
METHODS_HELP = (
    "adapter: learn it, in about half a minute (default); inversion: only find the nearest code of what the category "
    "can show; zero_shot: only reckon the code from the words, at once, where trained variants are near"
)


def _add_variants(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    variants = commands.add_parser(
        "variants", help="teach a finished avatar more variants", epilog=VARIANTS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = variants.add_subparsers(required=True, metavar="WHAT")
    add = actions.add_parser("add", help="a variant in own words")
    add.add_argument("folder", type=Path, help="an avatar's folder, as `perse create` leaves it")
    add.add_argument("--category", required=True, help="hair, beard, eyeglasses, ...; `perse vocabulary` lists them")
    wanted = add.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--prompt", metavar="TEXT", help="'short curly auburn hair'")
    wanted.add_argument(
        "--reference", type=Path, metavar="PHOTO", help="of the same person: the nearest code, by inversion"
    )
    add.add_argument("--method", choices=("adapter", "inversion", "zero_shot"), default="adapter", help=METHODS_HELP)
    add.add_argument("--portrait", type=Path, help="the photo that it was made from, where work/subject is gone")
    add.add_argument("--json", action="store_true", help="what was measured")
    add.set_defaults(run=_variants("add"))
    show = actions.add_parser("list", help="trained and added ones")
    show.add_argument("folder", type=Path)
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_variants("show"))
    remove = actions.add_parser("remove", help="an added one, as if it had never been there")
    remove.add_argument("folder", type=Path)
    remove.add_argument("category")
    remove.add_argument("variant", help="its id, as `list` shows it")
    remove.set_defaults(run=_variants("remove"))


def _variants(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from perse_engine import variant_commands

        return int(getattr(variant_commands, name)(arguments))

    return run


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = commands.add_parser("export", help="files that other programs open")
    export.add_argument("folder", type=Path)
    export.add_argument("-o", "--output", type=Path, required=True, help=".ply, .spz, .splat or .glb")
    _head(export)
    export.add_argument(
        "--look", nargs="*", default=[], metavar="LOOK", help="category=variant:0.7 ..., or JSON, or a .json file"
    )
    export.add_argument(
        "--content",
        choices=("gaussians", "rig", "both", "mesh"),
        default="gaussians",
        help="of a .glb: Gaussians; the source look's rig, for engines to animate; both; its mesh, standing still",
    )
    export.add_argument(
        "--format", choices=("bundle",), help="bundle: the whole avatar for the browser; else the name's end decides"
    )
    export.add_argument("--y-down", action="store_true", help="turned for SuperSplat (.ply, .splat)")
    export.add_argument("--spz-version", type=int, choices=(2, 3), default=3)
    export.set_defaults(run=_engine("export"))


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = commands.add_parser("evaluate", help="measure an avatar or portraits").add_subparsers(
        required=True, metavar="WHAT"
    )
    avatar = evaluate.add_parser("avatar", help="an avatar's folder, as `perse create` leaves it")
    avatar.add_argument("folder", type=Path)
    avatar.add_argument("--json", action="store_true", help="every number")
    avatar.add_argument("--report", type=Path, metavar="FILE.html", help="write tables, plots and contact sheets")
    avatar.add_argument("--baselines", action="store_true", help="train others on the same dataset, measured too")
    avatar.add_argument("--ablations", action="store_true", help="train it again without each of its parts")
    avatar.add_argument("--disturbed", action="store_true", help="train on disturbed pictures, mended and not")
    avatar.add_argument("--lpips", type=Path, metavar="NAME|FILE", help="lpips-alex, lpips-vgg or a network's file")
    avatar.add_argument("--face-embedder", type=Path, metavar="MODEL.onnx", help="measure identity with it")
    avatar.add_argument("--features", type=Path, metavar="NAME|FILE", help="inception-fid or a file: FID and KID")
    _rasterizer(avatar)
    avatar.set_defaults(run=_engine("evaluate_avatar"))
    subject = evaluate.add_parser("subject", help="the head built from each portrait, before training")
    subject.add_argument("portraits", type=Path, help="folder of .jpg, .png and .webp files, or one file")
    subject.add_argument("--json", action="store_true", help="every number")
    subject.add_argument("--sheets", type=Path, metavar="DIR", help="write a contact sheet per portrait")
    subject.add_argument("--variations", action="store_true", help="crops, light, skin tones, beards... of each too")
    subject.add_argument("--lpips", type=Path, metavar="NAME|FILE", help="lpips-alex, lpips-vgg or a network's file")
    subject.add_argument("--face-embedder", type=Path, metavar="MODEL.onnx", help="measure identity with it")
    add_rig_options(subject)
    subject.set_defaults(run=_engine("evaluate_subject"))


def _add_dataset(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dataset = commands.add_parser("dataset", help="datasets").add_subparsers(required=True, metavar="WHAT")
    check = dataset.add_parser("check", help="is a folder a dataset that training can use")
    check.add_argument("folder", type=Path)
    check.set_defaults(run=_engine("check"))
    synthesize = commands.add_parser("synthesize", help="only the dataset of a photo")
    synthesize.add_argument("photo", type=Path)
    synthesize.add_argument("-o", "--output", type=Path, required=True)
    _preset(synthesize)
    add_learned_options(synthesize)
    add_rig_options(synthesize)
    synthesize.set_defaults(run=_engine("synthesize_dataset"))


def _add_service(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="the REST API; settings are PERSE_* variables")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    serve.set_defaults(run=_serve)
    worker = commands.add_parser("worker", help="run jobs")
    worker.add_argument("--queues", default="train,files,render,io", help="default: %(default)s")
    worker.set_defaults(run=_work)
    doctor = commands.add_parser("doctor", help="what this machine can do, and why")
    doctor.add_argument("--warm-up", action="store_true", help="compile the kernels too")
    doctor.set_defaults(run=_doctor)
    add_tenant_commands(commands)
    keys = commands.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="WHAT")
    create = keys.add_parser("create", help="make a key; it is shown once")
    create.add_argument("--name", required=True)
    create.add_argument("--scopes", default="", metavar="A,B", help="read, write, render, delete (default: all)")
    create.add_argument("--expires-days", type=float, metavar="N", help="default: never")
    create.add_argument("--tenant", help="whose rows it reaches (default: those of the embedded service)")
    create.set_defaults(run=_create_key)
    keys.add_parser("list", help="every key, without what is secret").set_defaults(run=_list_keys)
    rotate = keys.add_parser("rotate", help="make a key that may do the same; the old one goes on for a while")
    rotate.add_argument("id")
    rotate.add_argument("--overlap-hours", type=float, default=24.0, metavar="N", help="default: 24")
    rotate.set_defaults(run=_rotate_key)
    revoke = keys.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id")
    revoke.set_defaults(run=_revoke_key)


def _serve(arguments: argparse.Namespace) -> int:
    from app.settings import Settings
    from worker.serve import serve

    given = {k: v for k, v in (("host", arguments.host), ("port", arguments.port)) if v is not None}
    settings = Settings(**given)
    print(f"Perse on http://{settings.host}:{settings.port} (API: /docs); stop with Ctrl-C", file=sys.stderr)
    serve(settings)
    return 0


def _work(arguments: argparse.Namespace) -> int:
    from app.settings import Settings
    from worker.serve import work

    work(Settings(), tuple(arguments.queues.split(",")))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from app.settings import Settings
    from worker.doctor import print_findings

    print_findings(Settings())
    if arguments.warm_up:
        from perse_engine.commands import TerminalProgress
        from perse_engine.warm_up import warm_up

        warm_up(TerminalProgress())
    return 0


def _create_key(arguments: argparse.Namespace) -> int:
    from datetime import timedelta

    from app.database.models import DEFAULT_TENANT, now
    from app.keys import SCOPES, create_key

    days = arguments.expires_days
    expires_at = None if days is None else now() + timedelta(days=days)
    scopes = [s.strip() for s in arguments.scopes.split(",")] if arguments.scopes else SCOPES
    try:
        print(create_key(_sessions(), arguments.name, arguments.tenant or DEFAULT_TENANT, scopes, expires_at))
    except ValueError as error:
        print(f"perse: {error}", file=sys.stderr)
        return 2
    return 0


def _list_keys(arguments: argparse.Namespace) -> int:
    from app.keys import list_keys

    for key in list_keys(_sessions()):
        ends = (("revoked", key.revoked_at), ("expires", key.expires_at), ("used", key.last_used_at))
        told = [f"{word} {at:%Y-%m-%d %H:%M}Z" for word, at in ends if at is not None]
        print(f"{key.id}  {key.name}  {key.tenant_id}  {','.join(key.scopes)}  {', '.join(told) or 'never used'}")
    return 0


def _rotate_key(arguments: argparse.Namespace) -> int:
    from datetime import timedelta

    from app.keys import UnknownKey, rotate_key

    try:
        print(rotate_key(_sessions(), arguments.id, timedelta(hours=arguments.overlap_hours)))
    except UnknownKey:
        return _no_such_key(arguments.id)
    return 0


def _revoke_key(arguments: argparse.Namespace) -> int:
    from app.keys import UnknownKey, revoke_key

    try:
        revoke_key(_sessions(), arguments.id)
    except UnknownKey:
        return _no_such_key(arguments.id)
    return 0


def _no_such_key(id: str) -> int:
    print(f"perse: There is no key {id!r} that could still be used.\n\nhint: perse keys list", file=sys.stderr)
    return 1


def _sessions() -> Sessions:
    from app.settings import Settings
    from worker.serve import prepare

    return prepare(Settings())


if __name__ == "__main__":
    sys.exit(main())
