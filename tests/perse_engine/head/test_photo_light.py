"""A subject drawn under a light that is known: the light is found again, and the head built without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.evaluation.pictures import psnr_db
from perse_engine.evaluation.subject.cheeks import cheek_balance
from perse_engine.evaluation.subject.judge import Rgb, source_picture
from perse_engine.evaluation.subject.measures import face_region
from perse_engine.head.build import build_subject
from perse_engine.head.light import even_light, irradiance
from perse_engine.head.photo_light import in_even_light, photo_light, skin_samples
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import FloatArray
from tests.perse_engine.head.lights import lamp

FROM_LEFT = lamp([1, 0, 0.4], 0.45)


def relit(subject: Subject, light: FloatArray) -> Rgb:
    """What a photo of the subject in a light looks like."""
    return source_picture(replace(subject, source_light=light))


@pytest.fixture(scope="module")
def from_left(astronaut_analysis: PortraitAnalysis, astronaut_subject: Subject) -> PortraitAnalysis:
    """The sample in a light that leaves one cheek half as bright as the other."""
    return replace(astronaut_analysis, work_rgb=relit(astronaut_subject, FROM_LEFT))


@pytest.fixture(scope="module")
def found(from_left: PortraitAnalysis) -> Subject:
    return build_subject(from_left)


def relative_error(found: FloatArray, true: FloatArray, normals: FloatArray) -> float:
    """RMS of one irradiance over another, whatever their scale."""
    ratio = irradiance(found, normals)[:, 1] / irradiance(true, normals)[:, 1]
    return float(np.sqrt(np.mean((ratio / np.exp(np.log(ratio).mean()) - 1) ** 2)))


def test_a_light_that_is_known_is_found(
    found: Subject, from_left: PortraitAnalysis, astronaut_subject: Subject
) -> None:
    skin = skin_samples(astronaut_subject, from_left.regions)
    normals = skin.normals[skin.weights > 0.3]
    assert relative_error(even_light(), FROM_LEFT, normals) > 0.2
    assert relative_error(found.source_light, FROM_LEFT, normals) < 0.06


def test_without_the_light_both_cheeks_are_alike(found: Subject, astronaut_subject: Subject) -> None:
    cheeks, true = cheek_balance(found), cheek_balance(astronaut_subject)
    assert cheeks.photo > 1.6
    assert cheeks.unlit == pytest.approx(true.unlit, rel=0.04)


def test_with_the_light_it_is_the_photo(found: Subject, from_left: PortraitAnalysis) -> None:
    region = face_region(from_left.regions)
    unlit = source_picture(replace(found, source_light=even_light()))
    assert psnr_db(source_picture(found) / 255.0, from_left.work_rgb / 255.0, region) > 36
    assert psnr_db(unlit / 255.0, from_left.work_rgb / 255.0, region) < 25


def test_the_skin_keeps_its_tone(found: Subject, from_left: PortraitAnalysis) -> None:
    region = face_region(from_left.regions)
    before, after = (p[region].mean(0) for p in (from_left.work_rgb, in_even_light(found, from_left.work_rgb)))
    assert after == pytest.approx(before, rel=0.04)


@pytest.mark.parametrize("brightness", [0.3, 1.0])
def test_even_light_stays_even(
    astronaut_analysis: PortraitAnalysis, astronaut_subject: Subject, brightness: float
) -> None:
    picture = (relit(astronaut_subject, even_light()) * brightness).astype(np.uint8)
    subject = replace(astronaut_subject, source_light=even_light(), work_rgb=picture)
    again = replace(subject, source_light=photo_light(subject, astronaut_analysis.regions))
    region = face_region(astronaut_analysis.regions)
    change = np.abs(in_even_light(again, picture).astype(int) - picture)[region]
    assert np.percentile(change, 99) <= 3


def test_a_dark_half_is_not_lifted_to_grain(astronaut_analysis: PortraitAnalysis, astronaut_subject: Subject) -> None:
    hard = replace(astronaut_subject, source_light=lamp([1, 0, 0.2], 3.0))
    lifted = in_even_light(hard, np.full_like(astronaut_subject.work_rgb, 20)).astype(float)
    assert lifted.max() / 20 < 3.5
