"""What is good enough: the bars that an avatar is held against."""

from __future__ import annotations

import numpy as np

from perse_engine.evaluation.avatar.composition import OVERLAPPING
from perse_engine.evaluation.avatar.measures import AvatarMeasures
from perse_engine.evaluation.subject.bars import Check

PSNR_DB, WORST_PSNR_DB, SSIM, DETAIL = 40.0, 37.0, 0.985, 0.8
LEAK_LEVELS = 0.5
STEP_DEVIATION, BETWEEN_PSNR_DB, ENERGY, HALF_TRANSPARENT = 0.25, 32.0, 0.8, 1.2
LOSS_DB = 2.0
SHOWN_THROUGH = 0.01


def checks(measures: AvatarMeasures) -> tuple[Check, ...]:
    """Every bar, in the order of the tables; ways and categories by their worst."""
    r, paths, o = measures.reconstruction, measures.betweens, measures.order
    triples = [c for c in measures.composition if len(c.variants) == len(OVERLAPPING[0])]
    out = [
        _least("psnr_db", r.psnr_db, PSNR_DB),
        _least("worst_variant_psnr_db", r.worst.psnr_db, WORST_PSNR_DB),
        _least("ssim", r.ssim, SSIM),
        _least("detail", r.detail, DETAIL),
        _most("leakage_levels", max((x.outside_mean for x in measures.leakage), default=0.0), LEAK_LEVELS),
    ]
    if paths:
        out += [
            _most("step_deviation", max(p.step_deviation for p in paths), STEP_DEVIATION),
            _least("between_psnr_db", min(p.worst_psnr_db for p in paths), BETWEEN_PSNR_DB),
            _least("gradient_energy", min(p.energy for p in paths), ENERGY),
            _most("half_transparent", max(p.half_transparent for p in paths), HALF_TRANSPARENT),
        ]
    if triples:
        out.append(_most("triple_loss_db", float(np.max([c.loss_db for c in triples])), LOSS_DB))
    out.append(_most("eyes_through_lids", o.eyes_through_lids, SHOWN_THROUGH))
    out.append(_most("mouth_through_lips", o.mouth_through_lips, SHOWN_THROUGH))
    return tuple(out)


def _least(name: str, value: float, bar: float) -> Check:
    return Check(name, value, f">= {bar:g}", value >= bar)


def _most(name: str, value: float, bar: float) -> Check:
    return Check(name, value, f"<= {bar:g}", value <= bar)
