"""How `perse models` is written. Loads nothing of the engine until one of its commands runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

EPILOG = """pretrained models of the learned backends; the embedded default needs none:
  perse models list                                  names, licences, sizes, which are here
  perse models pull flux2-klein-4b                   goes on where it stopped; HF_ENDPOINT names a mirror
  perse models pull wan-animate-14b                  a video model, for --animator wan-animate
  perse models pull sdxl-inpaint --accept-licence openrail++-m
  perse models pull flux2-klein-4b --from /media/usb  from a folder with one folder per model, such as another store
  perse models verify                                are the files what was pulled
  perse models measure wan-vace-1.3b me.jpg          what it takes on this machine
PERSE_MODELS names the folder that they lie in. Jobs never download.
"""


def add_model_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register them."""
    models = commands.add_parser(
        "models", help="pretrained models: list, pull, verify", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = models.add_subparsers(required=True, metavar="WHAT")
    show = actions.add_parser("list", help="every model, its licence and size, and whether it is here")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_run("show"))
    pull = actions.add_parser("pull", help="bring a model into the store")
    pull.add_argument("name")
    pull.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="has one folder per model; no network")
    pull.add_argument("--accept-licence", metavar="NAME", help="the licence that you have read and accept")
    pull.set_defaults(run=_run("get"))
    verify = actions.add_parser("verify", help="compare every byte with what was pulled")
    verify.add_argument("names", nargs="*", metavar="NAME")
    verify.set_defaults(run=_run("verify"))
    convert = actions.add_parser("convert", help="LPIPS' and Inception's published .pth files to safetensors")
    convert.add_argument("files", nargs="+", type=Path, metavar="FILE.pth")
    convert.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for pull --from")
    convert.set_defaults(run=_run("convert"))
    measure = actions.add_parser("measure", help="seconds and GPU memory that an editor's or animator's model takes")
    measure.add_argument("name")
    measure.add_argument("photo", type=Path)
    measure.add_argument("--memory", default="24GB", help="12GB, 24GB, 48GB or 80GB (default: 24GB)")
    measure.set_defaults(run=_run("measure"))
    path = actions.add_parser("path", help="where a model lies")
    path.add_argument("name")
    path.set_defaults(run=_run("where"))


def add_learned_options(parser: argparse.ArgumentParser) -> None:
    """Which editor makes the pictures, which animator the clips, and with which models."""
    group = parser.add_argument_group(
        "editor and animator", "diffusion and wan-* take models (perse models) and a GPU; docs/guides/models.md"
    )
    group.add_argument("--editor", default="procedural", help="procedural or diffusion (default: procedural)")
    group.add_argument("--editor-model", default="flux2-klein-4b", metavar="NAME", help="(default: flux2-klein-4b)")
    group.add_argument(
        "--animator",
        default="rig",
        help="rig, wan-animate (whole clips) or wan-vace (what a look changes; default: rig)",
    )
    group.add_argument("--animator-model", metavar="NAME", help="(default: wan-animate-14b or wan-vace-1.3b)")
    group.add_argument(
        "--interpolator", default="rig", help="of in-betweens: rig, warp or diffusion (default: rig, without a model)"
    )
    group.add_argument("--interpolator-model", default="sdxl-base", metavar="NAME", help="(default: sdxl-base)")
    group.add_argument("--spacing-model", metavar="NAME", help="spaces diffusion in-betweens by sight: lpips-alex")
    group.add_argument("--encoder-model", metavar="NAME", help="judges pictures by their words: clip-vit-large")
    group.add_argument("--face-embedder", type=Path, metavar="MODEL.onnx", help="judges who pictures show")
    group.add_argument("--memory", default="24GB", help="of the GPU: 12GB, 24GB, 48GB or 80GB (default: 24GB)")
    group.add_argument("--attempts", type=int, default=3, metavar="N", help="seeds tried per picture (default: 3)")
    group.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE",
        help="when a picture is taken: max_drift=0.1, min_identity=off (docs/guides/models.md)",
    )  # fmt: skip
    group.add_argument(
        "--frame-limit", action="append", default=[], metavar="NAME=VALUE",
        help="when a frame of a video is taken: max_turn_deg=20, min_share=0.3",
    )  # fmt: skip


def add_rig_options(parser: argparse.ArgumentParser) -> None:
    """Which head model gives depth and motions."""
    group = parser.add_argument_group("rig", "docs/reference/flame.md")
    group.add_argument("--rig", default="landmarks", help="landmarks or flame (default: landmarks)")
    group.add_argument("--flame-model", type=Path, metavar="FILE", help="FLAME's .pkl or .npz, for --rig flame")
    group.add_argument("--flame-landmarks", type=Path, metavar="FILE.npz", help="its MediaPipe landmark embedding")


def add_loss_options(parser: argparse.ArgumentParser) -> None:
    """What joins the loss of the training."""
    group = parser.add_argument_group("loss")
    group.add_argument("--perceptual", metavar="NAME", help="LPIPS in the last part: lpips-vgg or lpips-alex")
    group.add_argument("--perceptual-weight", type=float, default=0.1, metavar="W", help="(default: 0.1)")
    parser.add_argument(
        "--refinement", action=argparse.BooleanOptionalAction,
        help="mend turn, shift and exposure of each picture that is trained (default: of an animator's other than rig)",
    )  # fmt: skip


def _run(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from perse_engine import model_commands

        return int(getattr(model_commands, name)(arguments))

    return run
