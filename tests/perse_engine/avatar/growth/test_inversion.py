"""Inversion: the code of a picture that the avatar can show is found again."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.growth.inversion import ADAPTER_BELOW_DB, Inversion, Shot, invert
from perse_engine.errors import UnknownName
from perse_engine.look import Look
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose

CAMERA = Camera.orbit(width_px=96, height_px=96)


def shot(avatar: Avatar, look: Look) -> Shot:
    """A picture by the avatar itself."""
    out = Renderer(avatar, "cpu").render(look, Pose(), Expression(), CAMERA, None)
    return Shot(out.rgb, out.alpha, CAMERA, Pose(), Expression())


def test_its_own_variant_is_found(tiny_avatar: Avatar) -> None:
    found = invert(
        tiny_avatar, "hair", [shot(tiny_avatar, Look({"hair": {"long-wavy-blonde": 0.8}}))], SilentProgress()
    )
    assert found.psnr_db > found.source_psnr_db + 6
    assert not found.needs_adapter


def test_a_picture_of_the_source_needs_no_code(tiny_avatar: Avatar) -> None:
    found = invert(tiny_avatar, "hair", [shot(tiny_avatar, Look())], SilentProgress(), steps=10)
    assert found.psnr_db > 40 and np.abs(found.code).max() < 0.2


def test_a_large_residual_recommends_an_adapter() -> None:
    code = np.zeros(32, np.float32)
    assert Inversion(code, ADAPTER_BELOW_DB - 0.1, 10).needs_adapter
    assert not Inversion(code, ADAPTER_BELOW_DB, 10).needs_adapter


def test_a_category_that_the_avatar_lacks_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnknownName, match="nose"):
        invert(tiny_avatar, "nose", [], SilentProgress())
