"""The tracks of the plain method, each mask after the one that it votes for; and TRA of a few frames in memory."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embedtrack.challenge.check import TRACKS, mask_name
from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.layout import write_tracks
from embedtrack.challenge.writer import write_mask
from embedtrack.tracks.relabel import rename
from embedtrack.tracks.rules import Spans
from embedtrack.types import Labels


def tra(gold: Path, first: int, digits: int, frames: Sequence[Labels], parents: Mapping[int, int]) -> float | None:
    """TRA of the frames from number ``first`` on, of which each track has one label; None without tracking truth.

    Args:
        gold: ``01_GT``.
        first: number of the first frame.
        digits: of the frames' numbers.
        frames: int32[H, W] each.
        parents: track -> its parent, or 0.
    """
    spans = Spans()
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "01_RES"
        result.mkdir()
        for number, labels in enumerate(frames, start=first):
            write_mask(result / mask_name(number, digits), spans.add(labels, parents))
        write_tracks(result / TRACKS, spans.tracks(first))
        return evaluate(gold, result, frames=range(first, first + len(frames)))["TRA"]


def linked(frames: Sequence[tuple[Labels, Mapping[int, int]]]) -> tuple[list[Labels], dict[int, int]]:
    """Tracks as published: one voter goes on, two are daughters of the mask that they vote for, others begin anew.

    Args:
        frames: int32[H, W], and label -> the label of the frame before that it votes for.

    Returns:
        The same frames with tracks' labels, and track -> its parent or 0.
    """
    parents: dict[int, int] = {}
    names: dict[int, int] = {}
    drawn = []
    for labels, votes in frames:
        voters, before = Counter(votes.values()), names
        names = dict(_named(range(1, int(labels.max()) + 1), votes, voters, before, parents))
        drawn.append(rename(labels, names))
    return drawn, parents


def _named(
    cells: Sequence[int],
    votes: Mapping[int, int],
    voters: Mapping[int, int],
    before: Mapping[int, int],
    parents: dict[int, int],
) -> Iterator[tuple[int, int]]:
    """The track of each cell; new ones get their parents."""
    for cell in cells:
        source = before.get(votes.get(cell, 0), 0)
        count = voters.get(votes.get(cell, 0), 0)
        if source and count == 1:
            yield cell, source
        else:
            track = len(parents) + 1
            parents[track] = source if count == 2 else 0
            yield cell, track
