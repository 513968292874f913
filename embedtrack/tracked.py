"""A tracked movie: masks and lineage, whatever they come from, and what can be made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.movie import Movie
from embedtrack.movies.selection import Choice
from embedtrack.movies.units import Units
from embedtrack.types import Confidence, Labels, Track

if TYPE_CHECKING:
    import networkx
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Tracked:
    """Masks and tracks of a movie; times are indices from 0, whatever number the first frame has."""

    masks: Sequence[Labels]
    """int32[H, W] of every frame; a label is a track's."""
    tracks: list[Track]
    """Valid by the challenge's rules: each label is in every frame of its span and nowhere else."""
    shape: tuple[int, int]
    """(H, W) of every frame."""
    first: int = 0
    """Number of the first frame."""
    digits: int = 3
    """Width of the frame numbers in file names; more where the last frame's needs more."""
    units: Units = field(default=Units())
    """What its pixels and frames are worth."""
    movie: Choice = field(default=Choice())
    """How its movie was read."""
    confidence: Confidence | None = None
    """How likely its decisions are right; None where nobody says so. Of cells that are gone, as corrections by an older
    version have left it, nothing is taken."""

    def __post_init__(self) -> None:
        last = self.first + len(self.masks) - 1
        object.__setattr__(self, "digits", max(self.digits, len(str(max(last, 0)))))
        if self.confidence is not None:
            object.__setattr__(self, "confidence", self.confidence[_are_there(self.confidence, self.tracks)])

    def __len__(self) -> int:
        return len(self.masks)

    def __repr__(self) -> str:
        height, width = self.shape
        return f"<Tracked: frames {len(self)}, pixels {height} x {width}, tracks {len(self.tracks)}>"

    def spell(self, index: int) -> str:
        """The frame's number as the file names have it."""
        return f"{self.first + index:0{self.digits}d}"

    def of(self, movie: Movie) -> "Tracked":
        """The same as a result of this movie, with the numbers and units of its frames."""
        return replace(self, first=movie.first, digits=movie.digits, units=movie.units, movie=movie.choice)

    @property
    def graph(self) -> "networkx.DiGraph[tuple[int, int]]":
        """Cells (index of the frame, label) as nodes, with ``t`` and ``label``; links lead from earlier to later.

        Where ``confidence`` is known, both have it: that a node is a cell, that a link is right.
        """
        import networkx

        from embedtrack.exchange.graph import links_of, nodes_of

        graph: networkx.DiGraph[tuple[int, int]] = networkx.DiGraph()
        graph.add_nodes_from(((t, label), {"t": t, "label": label}) for t, label in nodes_of(self.tracks))
        graph.add_edges_from(links_of(self.tracks))
        for t, label, cell, link in [] if self.confidence is None else self.confidence.tolist():
            graph.nodes[t, label]["confidence"] = cell
            for before in graph.predecessors((t, label)):
                graph.edges[before, (t, label)]["confidence"] = link
        return graph

    def save(self, folder: str | Path) -> None:
        """Write a result of the challenge, ``mask000.tif``, ... and ``res_track.txt``, whole or not at all.

        Raises:
            ValueError: it has more than 65535 tracks, or the place holds something else than a result.
        """
        from embedtrack.challenge.tracked import write_tracked

        write_tracked(self, Path(folder))

    def measure(self, raw: Any = None) -> "pd.DataFrame":
        """A row per cell and frame; grey values with ``raw``, the movie as ``Model.track`` takes it.

        Raises:
            ValueError: ``raw`` is no movie, or not that of the result.
        """
        from embedtrack.looks.columns import with_units
        from embedtrack.looks.measure import cells_table

        table = cells_table(self, self._frames(raw))
        return with_units(table, self.units, self.first)

    def export(self, to: str, out: str | Path, raw: Any = None) -> None:
        """Write it for another program, see ``embedtrack export --help``; ``raw`` is the movie, for those that want it.

        Raises:
            ValueError: another format, a package is missing, nothing can be written there, or ``raw`` is no movie, or
                not that of the result.
        """
        from embedtrack.exchange.formats import export

        export(self, to, Path(out), self._frames(raw))

    def _frames(self, raw: Any) -> list[NDArray[Any]] | None:
        """The frames of the result's movie, a path or as many frames of its size; of a path in the same channel."""
        from embedtrack.challenge.pair import open_raw
        from embedtrack.movies.memory import frames_of

        if raw is None:
            return None
        if isinstance(raw, str | Path):
            return list(open_raw(Path(raw), self).frames)
        frames = list(frames_of(raw)[0])
        shapes = {frame.shape for frame in frames}
        if len(frames) != len(self) or shapes != {self.shape}:
            got = ", ".join(sorted(" x ".join(map(str, shape)) for shape in shapes))
            raise ValueError(
                f"expected the movie of the result, {len(self)} frames of {' x '.join(map(str, self.shape))}, got "
                f"{len(frames)} of {got or 'no size'}; give raw the frames that were tracked"
            )
        return frames

    def to_napari(self, viewer: Any) -> None:
        """Add masks and tracks as layers to a viewer of napari."""
        from embedtrack.viewer.plugin import layers_of

        for data, options, kind in layers_of(self):
            getattr(viewer, f"add_{kind}")(data, **options)


def _are_there(confidence: Confidence, tracks: Sequence[Track]) -> NDArray[np.bool_]:
    """Which rows speak of cells that the tracks have: bool[n]."""
    if not tracks:
        return np.zeros(len(confidence), np.bool_)
    label, begin, end, _ = np.array(sorted(tracks)).T
    place = np.searchsorted(label, confidence["label"]).clip(max=len(label) - 1)
    inside = (begin[place] <= confidence["frame"]) & (confidence["frame"] <= end[place])
    there: NDArray[np.bool_] = (label[place] == confidence["label"]) & inside
    return there
