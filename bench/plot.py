"""Memory curves as a picture.

Drawn with Pillow, which the examples need anyway: four lines in one pair of axes are no reason
for a plotting library among the pinned dependencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SIZE = (1200, 620)
_LEFT, _TOP, _RIGHT, _BOTTOM = 90, 60, 1170, 550
_TEXT, _GRID = "#222222", "#dddddd"
_COLOURS = ("#1f6fb4", "#d9730d", "#2e8b57", "#8a4fbf")
_GRID_MIB = 50
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """One run: its name, its limit, and samples of seconds and MiB."""

    name: str
    limit_mib: float
    samples: Sequence[tuple[float, float]]


def draw(curves: Sequence[Curve], *, title: str, path: Path) -> None:
    """Write the picture; each curve is scaled to its own duration, limits are dashed."""
    image = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=17)
    top_mib = max(max(curve.limit_mib, *(mib for _, mib in curve.samples)) for curve in curves) * 1.1
    _axes(pen, font, top_mib=top_mib, title=title)
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        end = curve.samples[-1][0] or 1.0
        points = [(_LEFT + at / end * (_RIGHT - _LEFT), _height(mib, top_mib)) for at, mib in curve.samples]
        pen.line(points, fill=colour, width=3)
        _dashes(pen, _height(curve.limit_mib, top_mib), colour)
        label = f"{curve.name}, {end:.0f} s, limit {curve.limit_mib:.0f} MiB"
        # Below the curves: an idle dequeuer already takes 70 MiB.
        pen.text((_LEFT + 30, _BOTTOM - 24 * (len(curves) - number) - 8), label, fill=colour, font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(32).save(path, optimize=True)


def _axes(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    *,
    top_mib: float,
    title: str,
) -> None:
    pen.text((_LEFT, 20), title, fill=_TEXT, font=font)
    for mib in range(0, int(top_mib) + 1, _GRID_MIB):
        y = _height(mib, top_mib)
        pen.line([(_LEFT, y), (_RIGHT, y)], fill=_GRID, width=1)
        pen.text((_LEFT - 12, y), str(mib), fill=_TEXT, font=font, anchor="rm")
    for number in range(_TICKS + 1):
        x = _LEFT + (_RIGHT - _LEFT) * number / _TICKS
        pen.text((x, _BOTTOM + 12), f"{100 * number // _TICKS}%", fill=_TEXT, font=font, anchor="mt")
    caption = "share of the run's time; MiB resident (VmRSS), sampled every 100 ms; limits dashed"
    pen.text((_LEFT, _BOTTOM + 42), caption, fill=_TEXT, font=font)


def _dashes(pen: ImageDraw.ImageDraw, y: float, colour: str) -> None:
    for x in range(_LEFT, _RIGHT, 16):
        pen.line([(x, y), (x + 8, y)], fill=colour, width=2)


def _height(mib: float, top_mib: float) -> float:
    return _BOTTOM - mib / top_mib * (_BOTTOM - _TOP)
