"""The curves of a training as an SVG picture: each part of the loss, and the validation scores."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

PARTS = ("total", "instance", "variance", "seed", "track", "background", "pull", "push")
COLOURS = ("#000000", "#0072b2", "#e69f00", "#009e73", "#d55e00", "#0072b2", "#e69f00", "#009e73")
"""Okabe and Ito's, which people with colour blindness tell apart; each line is named at its end too. No method has
more than five parts."""
WIDTH, HEIGHT, TOP, BOTTOM, GAP, MARGIN, NAMES = 980, 374, 48, 332, 70, 56, 78
BINS = 150
"""Points of a curve: each is the mean of the steps that fall on it."""
FLOOR = 1e-6


class Panel(NamedTuple):
    """Where a panel lies, and what its edges stand for."""

    left: float
    right: float
    last: float
    """The step at the right edge; 0 is the left one."""
    low: float
    high: float

    def place(self, step: float, value: float) -> tuple[float, float]:
        """(x, y) in the picture."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.left + step / self.last * (self.right - self.left), BOTTOM - share * (BOTTOM - TOP)


def draw(records: Sequence[Mapping[str, Any]], name: str) -> str:
    """The picture of the records of ``train.jsonl``: losses on a logarithmic scale, scores from 0 to 1, by step."""
    steps = [record for record in records if "total" in record]
    scores = [record for record in records if "validation_seg" in record]
    last = max((float(record["step"]) for record in records), default=1.0)
    middle = WIDTH * 0.58
    losses = [(part, _binned([(r["step"], r[part]) for r in steps if part in r], last)) for part in PARTS]
    values = [math.log10(max(value, FLOOR)) for _, points in losses for _, value in points] or [-1.0, 0.0]
    low, high = math.floor(min(values)), max(math.ceil(max(values)), math.floor(min(values)) + 1)
    left = Panel(MARGIN, middle - NAMES, last, low, high)
    right = Panel(middle + GAP, WIDTH - NAMES, last, 0.0, 1.0)
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    parts += _frame(left, "loss", [(float(power), f"{10.0**power:g}") for power in range(low, high + 1)])
    parts += _frame(right, "validation SEG", [(share / 5, f"{share / 5:g}") for share in range(6)])
    ends = []
    for (part, points), colour in zip(losses, COLOURS, strict=True):
        if not points:  # of another method
            continue
        logs = [(step, math.log10(max(value, FLOOR))) for step, value in points]
        parts += _line(left, logs, colour)
        ends.append((left.place(*logs[-1])[1], part, colour))
    parts += _ends(left, ends)
    points = [(float(r["step"]), float(r["validation_seg"])) for r in scores]
    parts += _line(right, points, COLOURS[1], dots=True)
    if points:
        best = max(points, key=lambda point: point[1])
        parts += _ends(right, [(right.place(*best)[1], f"best {best[1]:.3f}", COLOURS[1])])
    when = f", {float(records[-1]['seconds']) / 60:.0f} min" if records and "seconds" in records[-1] else ""
    parts.append(_text(MARGIN, 16, f"{name}: step {last:.0f}{when}", "start", "#000"))
    look = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img"'
    title = f"<title>Training of {_escaped(name)}</title>"
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {look}>', title, *parts, "</svg>\n"])


def _binned(points: Sequence[tuple[float, float]], last: float) -> list[tuple[float, float]]:
    """At most BINS points, each the mean of its bin."""
    bins: dict[int, list[tuple[float, float]]] = {}
    for step, value in points:
        bins.setdefault(min(int(step / last * BINS), BINS - 1), []).append((float(step), float(value)))
    return [
        (sum(step for step, _ in group) / len(group), sum(value for _, value in group) / len(group))
        for _, group in sorted(bins.items())
    ]


def _frame(panel: Panel, title: str, rows: Sequence[tuple[float, str]]) -> list[str]:
    """Grid, numbers and names of a panel."""
    parts = [_text((panel.left + panel.right) / 2, TOP - 8, title, "middle")]
    for value, words in rows:
        _, y = panel.place(0, value)
        parts += [_segment((panel.left, y), (panel.right, y)), _text(panel.left - 8, y + 4, words, "end")]
    for share in range(5):
        step = panel.last * share / 4
        x, _ = panel.place(step, panel.low)
        parts += [_segment((x, TOP), (x, BOTTOM)), _text(x, BOTTOM + 18, f"{step:.0f}", "middle")]
    return [*parts, _text((panel.left + panel.right) / 2, HEIGHT - 8, "step", "middle")]


def _line(panel: Panel, points: Sequence[tuple[float, float]], colour: str, dots: bool = False) -> list[str]:
    spots = [panel.place(*point) for point in points]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    circles = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots] if dots else []
    return [f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.5"/>', *circles]


def _ends(panel: Panel, names: Sequence[tuple[float, str, str]]) -> list[str]:
    """Names of lines beside their ends, pushed apart where they would touch."""
    parts, lowest = [], -math.inf
    for y, words, colour in sorted(names):
        lowest = max(y, lowest + 13)
        parts.append(_text(panel.right + 6, lowest + 4, words, "start", colour))
    return parts


def _segment(begin: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = begin, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{_escaped(words)}</text>'


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")
