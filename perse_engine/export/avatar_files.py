"""An avatar at a look, pose and expression -> one file of another program's format, and the frame that it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.posing import posed_cloud
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.export.bundle import write_bundle
from perse_engine.export.cloud_files import FORMATS as CLOUD_FORMATS
from perse_engine.export.cloud_files import export_cloud, visible
from perse_engine.export.glb import write_glb, write_mesh_glb
from perse_engine.export.spz import write_spz
from perse_engine.head.subject import TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Expression, Pose

Content = Literal["gaussians", "rig", "both", "mesh"]
CONTENTS: tuple[Content, ...] = ("gaussians", "rig", "both", "mesh")
AVATAR_FORMATS = (*CLOUD_FORMATS, "bundle")
SUFFIXES: Mapping[str, str] = {name: name for name in CLOUD_FORMATS} | {"bundle": "glb"}
NUMBERS: Mapping[str, Mapping[str, str]] = {
    "ply": {"quaternions": "wxyz", "scales": "natural logarithm of metres", "opacities": "logit"},
    "spz": {"quaternions": "xyzw", "scales": "natural logarithm of metres", "opacities": "0..1"},
    "splat": {"quaternions": "wxyz", "scales": "metres", "opacities": "0..1"},
    "glb": {"quaternions": "xyzw", "scales": "metres", "opacities": "0..1"},
}
"""How each format writes what is not a place."""


@dataclass(frozen=True)
class ExportWish:
    """What to write.

    Attributes:
        format: one of AVATAR_FORMATS. A bundle holds every look, pose and expression; it takes no others.
        content: of a glb: Gaussians; the source look's rig for engines to animate; both; its mesh, standing still.
        y_down: turned by 180 degrees about z, for programs that turn ply and splat back when they open them.
        spz_version: 2 or 3.
    """

    format: str
    look: Look = field(default_factory=Look)
    pose: Pose = field(default_factory=Pose)
    expression: Expression = field(default_factory=Expression)
    content: Content = "gaussians"
    y_down: bool = False
    spz_version: Literal[2, 3] = 3

    def __post_init__(self) -> None:
        if self.format not in AVATAR_FORMATS:
            hint = f"Formats: {', '.join(AVATAR_FORMATS)}."
            raise UnknownName(f"There is no export format {self.format!r}.", hint=hint)
        if self.content != "gaussians" and self.format != "glb":
            raise InvalidValue(f"Only a .glb holds a {self.content}.", hint="Ask for the format glb.")

    @property
    def needs_rig(self) -> bool:
        """Whether the textured rig is written, which a model's files do not hold."""
        return self.content != "gaussians"


def export_avatar(target: Path, avatar: Avatar, wish: ExportWish, rig: TexturedRig | None = None) -> None:
    """Write the file. `rig` is the source look's, for contents that need it.

    Raises:
        UnknownName: a look that the avatar does not have.
        InvalidValue: `y_down` for a format that has y up, a rig that is needed and not given, nothing visible.
    """
    if wish.needs_rig and rig is None:
        raise InvalidValue("The avatar's textured rig is not at hand.", hint="Export its Gaussians.")
    if wish.format == "bundle":
        write_bundle(target, avatar)
    elif rig is not None and wish.content == "mesh":
        write_mesh_glb(target, rig, wish.pose, wish.expression)
    elif rig is not None and wish.content == "rig":
        write_glb(target, rig=rig)
    else:
        cloud = posed_cloud(avatar, avatar.bake(wish.look), wish.pose, wish.expression)
        if rig is not None and wish.needs_rig:
            write_glb(target, visible(cloud), rig)
        elif wish.format == "spz" and not wish.y_down:
            is_antialiased = avatar.raster_mode == "antialiased"
            write_spz(target, visible(cloud), wish.spz_version, is_antialiased=is_antialiased)
        else:
            export_cloud(cloud, target, wish.format, y_down=wish.y_down)


def frame_of(wish: ExportWish) -> dict[str, str]:
    """The file's frame in words that a program can compare: axes, units, and how numbers are written."""
    up, left = ("-y", "-x") if wish.y_down else ("+y", "+x")
    format = "glb" if wish.format == "bundle" else wish.format
    return {
        "handedness": "right",
        "up": up,
        "face": "+z",
        "subject_left": left,
        "origin": "between the eyes at rest",
        "units": "metre",
        "colours": "sRGB",
        **(NUMBERS[format] if wish.content in ("gaussians", "both") else {}),
    }
