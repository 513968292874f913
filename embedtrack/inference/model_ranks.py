"""Which of several models fits best, by what each has seen of a movie, and how far to trust that.

A network that knows such cells finds the same ones however the frame is turned; one that does not finds something
else in each view. What it finds must have the size of the cells that it has learnt, and a model that misses many which
others find is not the one.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedtrack.movies.kind import DARK

NEAR = 0.03
"""Models whose scores differ by less look at another frame."""
AGREE, DOUBTFUL = 0.8, 0.6
"""Score from which on a model fits, and below which it does not. On movies that a model never saw SEG was .57 to .89
from .85 on, at most .48 at .74 and less, and at most .2 below .6, but for one: docs/movies.md."""
ALIKE = 1.4
"""What a model finds may be larger or smaller by this factor than what it has learnt; twice as far costs half the
score."""
OTHER_KIND = 0.85
"""So much of the score is left to a model of another kind of image, as of phase contrast for fluorescence."""
RIVAL = 0.85
"""Models with this share of the best one's score are asked how many cells there are; ..."""
ENOUGH = 0.9
"""... who finds this share of the most loses nothing, as one of ten may be false; who finds half of this, half."""


class Assessment(NamedTuple):
    """How a model sees a movie."""

    model: Path
    qualities: tuple[float, ...]
    """Of each frame the panoptic quality between the masks of both views; 0: no cell."""
    diameters: tuple[float, ...]
    """Of discs of the masks' areas, in pixels."""
    learnt: float | None
    """The typical diameter of the cells that trained the model; None: it is one of all cells, or does not say."""
    whole: tuple[float, ...] = ()
    """Those of the diameters whose masks no edge of the frame cuts."""
    brought_to: float | None = None
    """The diameter of cells that the model was brought to, see ``adapt.py``; None: that of those that it has learnt."""
    share: float = 1.0
    """Of the square that all look at: where cells are enlarged a smaller one, so that it takes no longer."""
    other_kind: bool = False
    """The model has learnt bright cells on a dark ground and the movie shows others, or the other way round."""

    @property
    def expected(self) -> float | None:
        """The diameter that it should find."""
        return self.brought_to or self.learnt

    @property
    def to_be_told(self) -> float | None:
        """The diameter that it has to be told; None: it stays as it is, or finds it, as a model of all cells does."""
        return self.brought_to if self.learnt else None

    @property
    def agreement(self) -> float:
        """How well the views agree: the mean over the frames that were tried."""
        return float(np.mean(self.qualities)) if self.qualities else 0.0

    @property
    def frames(self) -> int:
        """So many were tried."""
        return len(self.qualities)

    @property
    def cells(self) -> float:
        """Found in a frame."""
        return len(self.diameters) / max(self.frames, 1) / self.share

    @property
    def diameter(self) -> float:
        """The typical one, of whole masks where there are some; 0 if nothing is found."""
        return float(np.median(self.whole or self.diameters)) if self.diameters else 0.0

    @property
    def alike(self) -> float:
        """1 where what it finds has the size that it should have, less the further they are apart."""
        if not self.diameter:
            return 0.0
        apart = abs(math.log(self.diameter / (self.expected or self.diameter)))
        return math.exp(-max(0.0, apart - math.log(ALIKE)))

    @property
    def plain(self) -> float:
        """Its score, whatever other models find."""
        return self.agreement * self.alike * (OTHER_KIND if self.other_kind else 1.0)

    def and_also(self, other: "Assessment") -> "Assessment":
        """With what the same model has seen in further frames."""
        return self._replace(
            qualities=self.qualities + other.qualities,
            diameters=self.diameters + other.diameters,
            whole=self.whole + other.whole,
        )


class Ranked(NamedTuple):
    """A model among others."""

    seen: Assessment
    score: float
    """Agreement, less where sizes or kinds of image differ and cells are missed, in [0, 1]."""

    def row(self) -> dict[str, Any]:
        """For tables."""
        return {
            "model": self.seen.model.name, "score": round(self.score, 3), "agreement": round(self.seen.agreement, 3),
            "cells": round(self.seen.cells, 1), "diameter": round(self.seen.diameter, 1), "learnt": self.seen.learnt,
            "brought_to": self.seen.brought_to, "frames": self.seen.frames,
        }  # fmt: skip


def near(seen: Sequence[Assessment]) -> list[Assessment]:
    """The models whose scores are within NEAR of the best one's."""
    ranked = rank(seen)
    best = max(one.score for one in ranked)
    return [one.seen for one in ranked if one.score >= best - NEAR]


def rank(assessed: Sequence[Assessment]) -> list[Ranked]:
    """The models with their scores, the best first.

    Of those within NEAR of the best one that stays as it is comes first, then the one that knows the size.
    """
    plain = [one.plain for one in assessed]
    rivals = [one.cells for one, score in zip(assessed, plain, strict=True) if score >= RIVAL * max(plain)]
    most = max(rivals, default=0.0)
    found = [min(1.0, one.cells / (ENOUGH * most)) if most else 0.0 for one in assessed]
    scores = [score * share for score, share in zip(plain, found, strict=True)]
    best = max(scores, default=0.0)
    ranked = map(Ranked, assessed, scores)
    return sorted(ranked, key=lambda one: _apart(one) if one.score >= best - NEAR else (math.inf, 0.0, -one.score))


def _apart(one: Ranked) -> tuple[float, float, float]:
    """Whether it had to be brought to the cells, how far they are from the right size, how far its score is from 1."""
    known = one.seen.expected or one.seen.diameter
    apart = round(abs(math.log(one.seen.diameter / known)), 2) if one.seen.diameter else math.inf
    return float(one.seen.to_be_told is not None), apart, -one.score


def judge(ranked: Sequence[Ranked], skewed: float) -> tuple[str, bool]:
    """What to tell of the fits, the best one first, and whether it is good news."""
    best, seen = ranked[0], ranked[0].seen
    others = [one for one in ranked[1:] if one.seen.model != seen.model]
    if not seen.diameters:
        return f"no model finds any cell; going on with {seen.model.name}; train one on some of your own frames", False
    size = ""
    if seen.to_be_told:
        size = f", brought from cells of {seen.learnt:.0f} pixels to {seen.to_be_told:.0f}"
    look = "bright on dark" if skewed > DARK else "no brighter than the ground"
    told = f"score {best.score:.2f}" + (f", {others[0].seen.model.name} has {others[0].score:.2f}" if others else "")
    told += f"; cells of {seen.diameter:.0f} pixels, {look}"
    if best.score < DOUBTFUL:
        learnt = f", it has learnt cells of {seen.learnt:.0f}" if seen.learnt and seen.alike < 1 else ""
        return (
            f"none fits: {seen.model.name} is the nearest{size}, {told}{learnt}; train one on some of your own frames",
            False,
        )
    if best.score < AGREE:
        return (
            f"{seen.model.name} fits best, but not well{size}: {told}; look at the result before you trust it; "
            "embedtrack adapt may bring it nearer",
            False,
        )
    if others and abs(others[0].score - best.score) <= NEAR:
        rival = others[0].seen
        sized = f" --diameter {rival.to_be_told:.0f}" if rival.to_be_told else ""
        return (
            f"{seen.model.name} fits{size}, and {rival.model.name} nearly as well: {told}; "
            f"--model {rival.model.name}{sized} shows its result",
            True,
        )
    return f"{seen.model.name} fits{size}: {told}", True


def in_words(one: Ranked) -> str:
    """What a model has seen, as the log has it."""
    seen = one.seen
    if not seen.diameters:
        return "finds no cell"
    brought = f", brought to {seen.brought_to:.0f}" if seen.brought_to else ""
    learnt = f" (it was trained on cells of {seen.learnt:.0f}{brought})" if seen.learnt else ""
    kind = "; it has learnt another kind of image" if seen.other_kind else ""
    return (
        f"score {one.score:.2f}: finds {seen.cells:.0f} cells of {seen.diameter:.0f} pixels{learnt}; "
        f"{seen.agreement:.0%} the same where the frame is turned{kind}"
    )
