"""Lines on logarithmic axes, in panels side by side, as an SVG file."""

import math
from pathlib import Path
from typing import NamedTuple

# Okabe and Ito's colours, which colour-blind people tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
WIDTH, HEIGHT, LEFT, TOP = 420, 340, 60, 24
RIGHT, BOTTOM = WIDTH - 20, HEIGHT - 50


class Line(NamedTuple):
    """A name and positive values y by positive x."""

    name: str
    points: dict[float, float]


class Panel(NamedTuple):
    """Lines in one pair of axes, with what names these."""

    lines: list[Line]
    across: str
    up: str


def draw(path: Path, panels: list[Panel]) -> None:
    """Draw the panels from left to right."""
    parts = [f'<rect width="{WIDTH * len(panels)}" height="{HEIGHT}" fill="white"/>']
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({WIDTH * number} 0)">', *_axes(*panel), "</g>"]
    path.parent.mkdir(parents=True, exist_ok=True)
    look = f'viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" font-family="sans-serif" font-size="12"'
    path.write_text("\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {look}>', *parts, "</svg>\n"]))


def _axes(lines: list[Line], across: str, up: str) -> list[str]:
    """The lines with decades as grid."""
    columns = _decades([x for line in lines for x in line.points])
    rows = _decades([y for line in lines for y in line.points.values()])

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log10(x) - columns[0]) / (columns[-1] - columns[0])
        above = (math.log10(y) - rows[0]) / (rows[-1] - rows[0])
        return LEFT + along * (RIGHT - LEFT), BOTTOM - above * (BOTTOM - TOP)

    parts = []
    for power in columns:
        x, _ = place(10.0**power, 10.0 ** rows[0])
        parts += [_segment((x, TOP), (x, BOTTOM), "#ddd"), _text(x, BOTTOM + 18, f"{10.0**power:g}", "middle")]
    for power in rows:
        _, y = place(10.0 ** columns[0], 10.0**power)
        parts += [_segment((LEFT, y), (RIGHT, y), "#ddd"), _text(LEFT - 8, y + 4, f"{10.0**power:g}", "end")]
    for number, (line, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        spots = [place(x, y) for x, y in line.points.items()]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in spots]
        parts.append(_text(LEFT + 12, TOP + 16 + 17 * number, line.name, "start", colour))
    return [*parts, _text((LEFT + RIGHT) / 2, HEIGHT - 12, across, "middle"), _text(14, TOP - 6, up, "start")]


def _decades(values: list[float]) -> list[int]:
    """The powers of ten that enclose the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return list(range(low, max(high, low + 1) + 1))


def _segment(begin: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    (x1, y1), (x2, y2) = begin, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
