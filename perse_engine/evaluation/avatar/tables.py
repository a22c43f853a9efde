"""A study as tables of words: for the terminal, and what the HTML report repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from perse_engine.evaluation.avatar.bars import checks
from perse_engine.evaluation.avatar.measures import AvatarMeasures
from perse_engine.evaluation.avatar.published import DIFFERENCE, PUBLISHED
from perse_engine.evaluation.avatar.study import Contender

NO_NETWORK = "no network given"


@dataclass(frozen=True)
class Table:
    """A title, the head of every column, rows of as many cells, and remarks below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(contenders: Sequence[Contender], distance: str) -> tuple[Table, ...]:
    """Contenders against each other first, then the first one in detail."""
    first = contenders[0].measures
    return (
        _verdicts(first),
        _summary(contenders, distance),
        _clips(first),
        _betweens(first, distance),
        _leakage(first),
        _composition(first),
        _flicker(first),
        _order(first),
        _networks(contenders),
        _published(contenders, distance),
    )


def text(shown: Sequence[Table]) -> str:
    """Aligned columns; the first is flush left."""
    lines: list[str] = []
    for table in shown:
        rows = (table.head, *table.rows)
        widths = [max(len(row[k]) for row in rows) for k in range(len(table.head))]
        lines += [table.title]
        for row in rows:
            cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            lines.append("  " + "  ".join(cells).rstrip())
        lines += [*(f"  {note}" for note in table.notes), ""]
    return "\n".join(lines)


def to_json(contenders: Sequence[Contender], distance: str) -> dict[str, object]:
    """Every number of every contender, with the bars that the first is held against."""
    return {
        "distance": distance,
        "checks": [asdict(c) for c in checks(contenders[0].measures)],
        "contenders": [asdict(c) for c in contenders],
        "published": [asdict(p) for p in PUBLISHED],
        "published_difference": DIFFERENCE,
    }


def _verdicts(measures: AvatarMeasures) -> Table:
    rows = tuple(
        (c.name, f"{c.value:.3f}" if isinstance(c.value, float) else str(c.value), c.bar, "" if c.passed else "missed")
        for c in checks(measures)
    )
    note = "The bars are those of preset standard at 512 px; the worst category, way or triple counts."
    return Table("Bars", ("measure", "value", "bar", ""), rows, (note,))


SUMMARY: tuple[tuple[str, Callable[[AvatarMeasures], str]], ...] = (
    ("PSNR", lambda m: f"{m.reconstruction.psnr_db:.2f}"),
    ("worst", lambda m: f"{m.reconstruction.worst.psnr_db:.2f}"),
    ("SSIM", lambda m: f"{m.reconstruction.ssim:.4f}"),
    ("detail", lambda m: f"{m.reconstruction.detail:.2f}"),
    ("between clips", lambda m: f"{m.reconstruction.between_psnr_db:.2f}"),
    ("10 steps", lambda m: _mean(p.psnr_db for p in m.betweens)),
    ("PPL", lambda m: _mean((p.ppl for p in m.betweens), ".4f")),
    ("100 PDV", lambda m: _mean((100 * p.pdv for p in m.betweens), ".4f")),
    ("inside", lambda m: _mean(x.inside_psnr_db for x in m.leakage)),
    ("leak", lambda m: _mean((x.outside_mean for x in m.leakage), ".3f")),
    ("leak 1 %", lambda m: _mean(x.outside_worst for x in m.leakage)),
    ("composed", lambda m: _mean(c.psnr_db for c in m.composition)),
    ("loss", lambda m: _mean(c.loss_db for c in m.composition)),
)
"""Column, and what it shows of a contender."""


def _summary(contenders: Sequence[Contender], distance: str) -> Table:
    rows = []
    for c in contenders:
        spent = (f"{c.spent.steps}", f"{c.spent.processor_s:.0f}") if c.spent else ("", "")
        rows.append((c.name, *spent, *(cell(c.measures) for _, cell in SUMMARY)))
    notes = [f"{c.name}: {c.what}" for c in contenders[1:]]
    notes += [
        "PSNR (dB), SSIM and detail on held-out frames over foreground; 10 steps: inside what changes, against exact "
        "in-betweens; inside: in the change mask; leak: levels of 255 outside it.",
        f"s: processor seconds of all threads. PPL, PDV: sum and deviation between ten steps' neighbours: {distance}.",
    ]
    return Table("Contenders", ("", "steps", "s", *(n for n, _ in SUMMARY)), tuple(rows), tuple(notes))


def _clips(m: AvatarMeasures) -> Table:
    r = m.reconstruction
    rows = tuple(
        (c.clip, f"{c.psnr_db:.2f}", f"{c.ssim:.4f}", f"{c.detail:.2f}", "" if c.lpips is None else f"{c.lpips:.4f}")
        for c in sorted((c for c in r.clips if c.kind in ("source", "variant", "mix")), key=lambda c: c.psnr_db)
    )
    notes = (f"LPIPS: {NO_NETWORK}.",) if r.lpips is None else ()
    return Table("Held-out frames, worst clip first", ("clip", "PSNR", "SSIM", "detail", "LPIPS"), rows, notes)


def _betweens(m: AvatarMeasures, distance: str) -> Table:
    head = (
        "in-betweens", "std/mean", "max/mean", "PSNR", "worst", "fade", "energy", "half-tr.", "PPL", "100 PDV",
    )  # fmt: skip
    rows = tuple(
        (
            f"{p.category}: {p.start or 'source'} to {p.end}",
            f"{p.step_deviation:.2f} ({p.exact_step_deviation:.2f})", f"{p.step_max:.2f} ({p.exact_step_max:.2f})",
            f"{p.psnr_db:.1f}", f"{p.worst_psnr_db:.1f}", f"{p.fade_psnr_db:.1f}",
            f"{p.energy:.2f} ({p.exact_energy:.2f})", f"{p.half_transparent:.2f} ({p.exact_half_transparent:.2f})",
            f"{p.ppl:.4f}", f"{100 * p.pdv:.4f}",
        )
        for p in m.betweens
    )  # fmt: skip
    note = (
        "In brackets: the exact pictures' own. PSNR inside what changes; fade: what a cross-fade of the two ends "
        f"reaches there. PPL, PDV: {distance}."
    )
    return Table("Ten steps", head, rows, (note,))


def _leakage(m: AvatarMeasures) -> Table:
    rows = tuple(
        (c, f"{x.inside_psnr_db:.1f}", f"{x.inside_share:.2f}", f"{x.outside_mean:.3f}", f"{x.outside_worst:.2f}")
        for c, x in ((x.category, x) for x in m.leakage)
    )
    head = ("category", "inside PSNR", "inside share", "outside mean", "outside worst 1 %")
    return Table("Attribute in, attribute out (levels of 255)", head, rows)


def _composition(m: AvatarMeasures) -> Table:
    rows = tuple(
        (" + ".join(c.variants), f"{c.psnr_db:.1f}", f"{c.alone_db:.1f}", f"{c.worst_alone_db:.1f}", f"{c.loss_db:.1f}")
        for c in m.composition
    )
    head = ("never trained together", "PSNR", "alone, mean", "alone, worst", "loss to mean")
    return Table("Several categories at once (dB)", head, rows)


def _flicker(m: AvatarMeasures) -> Table:
    rows = tuple((r.name, f"{r.jump:.2f}", f"{r.exact_jump:.2f}", f"{r.unexplained:.2f}") for r in m.flicker)
    head = ("ramp of 24 frames", "max/median", "exact", "unexplained")
    return Table("Frame differences", head, rows)


def _order(m: AvatarMeasures) -> Table:
    o = m.order
    rows = (
        ("eye through closed lids", f"{100 * o.eyes_through_lids:.2f} %", f"{o.eye_pixels}"),
        ("mouth through closed lips", f"{100 * o.mouth_through_lips:.2f} %", f"{o.mouth_pixels}"),
    )
    return Table("Lids and lips", ("", "worst share", "pixels judged"), rows)


def _networks(contenders: Sequence[Contender]) -> Table:
    rows = []
    for c in contenders:
        r, i, f = c.measures.reconstruction, c.measures.identity, c.measures.realism
        rows.append(
            (
                c.name,
                NO_NETWORK if r.lpips is None else f"{r.lpips:.4f}",
                NO_NETWORK if i is None else f"{i.cosine:.4f}",
                "" if i is None else f"{i.worst:.4f} {i.worst_clip}",
                NO_NETWORK if f is None else f"{f.fid:.2f}",
                "" if f is None else f"{f.kid:.4f}",
            )
        )
    head = ("", "LPIPS", "identity", "its worst", "FID", "KID")
    note = "identity: cosine between source look and variants; FID and KID: in-between renders against exact ones."
    return Table("What needs a network", head, tuple(rows), (note,))


def _published(contenders: Sequence[Contender], distance: str) -> Table:
    rows = []
    for c in contenders:
        r, paths, i = c.measures.reconstruction, c.measures.betweens, c.measures.identity
        lpips = "" if r.lpips is None else f"{r.lpips:.4f}"
        cosine = "" if i is None else f"{i.cosine:.4f}"
        smooth = _mean((p.ppl for p in paths), ".4f"), _mean((100 * p.pdv for p in paths), ".4f")
        rows.append((c.name, f"{r.psnr_db:.2f}", f"{r.ssim:.4f}", lpips, cosine, *smooth))
    for p in PUBLISHED:
        smooth = f"{p.ppl:.4f}", f"{p.pdv_100:.4f}"
        said = f"{p.psnr_db:.2f}", f"{p.ssim:.4f}", f"{p.lpips:.4f}", f"{p.identity:.4f}"
        rows.append((f"{p.name} (published)", *said, *smooth))
    note = f"PPL and PDV: published ones of LPIPS over 9 codes, ours over ten steps of {distance}."
    head = ("", "PSNR", "SSIM", "LPIPS", "identity", "PPL", "100 PDV")
    return Table("Beside PERSE's published figures", head, tuple(rows), (DIFFERENCE, note))


def _mean(values: Iterable[float], form: str = ".2f") -> str:
    found = list(values)
    return format(sum(found) / len(found), form) if found else ""
