"""What the challenge demands of a result: no cells in the border, no track with holes, labels of 16 bits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.lbep import MAX_LABEL
from embedtrack.tracks.relabel import present, rename
from embedtrack.types import Labels, Track


def remove_border(labels: Labels, border: int) -> Labels:
    """Remove the cells that lie wholly within ``border`` pixels of the frame's edge.

    A cell stays, whole, if one of its pixels lies in the field of interest [E, H-E) x [E, W-E). A frame without such
    a field, with a side of at most 2 E, keeps nothing.

    Args:
        labels: int32[H, W].
        border: E in pixels; 0 removes nothing.

    Raises:
        ValueError: ``border`` is negative.
    """
    if border < 0:
        raise ValueError(f"expected a border of 0 or more pixels, got {border}")
    height, width = labels.shape
    if border == 0:
        return labels
    field = present(labels[border : height - border, border : width - border]).tolist()
    return rename(labels, dict(zip(field, field, strict=True)))


class Spans:
    """Names the tracks anew so that each written label is in every frame of its span; holds one line per label.

    A track that vanishes and comes back is split: the new label's parent is its own former one. A track that is never
    written hands its children on to its own parent.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._tracks: list[Track] = []  # of label i at i - 1
        self._written: dict[int, int] = {}  # track -> its last written label

    def add(self, labels: Labels, parents: Mapping[int, int]) -> NDArray[np.uint16]:
        """Take the next frame.

        Args:
            labels: int32[H, W] of track labels.
            parents: track -> parent track or 0, known at least for this frame's tracks and their ancestors.

        Returns:
            The frame uint16[H, W] to write.

        Raises:
            ValueError: more labels are needed than 16 bits hold.
        """
        cells = present(labels).tolist()
        for label in map(self._written.get, cells):
            if label and self._tracks[label - 1].end == self._frame - 1:
                self._tracks[label - 1] = self._tracks[label - 1]._replace(end=self._frame)
        names = {track: self._name(track, parents) for track in cells}
        self._frame += 1
        return rename(labels, names, np.uint16)

    @property
    def frames(self) -> int:
        """How many there were."""
        return self._frame

    def label(self, track: int) -> int:
        """The last written label of a track, 0 before it has one."""
        return self._written.get(track, 0)

    def tracks(self, first: int = 0) -> list[Track]:
        """The lines of ``res_track.txt``, of a movie whose frames are numbered from ``first``."""
        return [track.later(first) for track in self._tracks]

    def fork(self) -> "Spans":
        """Another one that goes on from here by itself."""
        twin = Spans()
        twin._frame, twin._tracks, twin._written = self._frame, self._tracks.copy(), self._written.copy()
        return twin

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows, to go on in another process: see ``restore``."""
        return {
            "frame": np.array(self._frame),
            "tracks": np.array(self._tracks, np.int64).reshape(-1, 4),
            "written": np.array(list(self._written.items()), np.int64).reshape(-1, 2),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the one stood whose ``state`` this is."""
        self._frame = int(state["frame"])
        self._tracks = [Track(*line) for line in state["tracks"].tolist()]
        self._written = dict(state["written"].tolist())

    def _name(self, track: int, parents: Mapping[int, int]) -> int:
        """The label of a track of this frame, a new one if its last one has ended before."""
        label = self._written.get(track, 0)
        if label and self._tracks[label - 1].end == self._frame:
            return label
        if len(self._tracks) == MAX_LABEL:
            raise ValueError(
                f"expected at most {MAX_LABEL} tracks, as many as 16 bits can name, got more; "
                "track the movie in parts, or raise min_cell_size if many of the cells are noise"
            )
        ancestor = track
        while ancestor and ancestor not in self._written:
            ancestor = parents.get(ancestor, 0)
        parent = self._written.get(ancestor, 0)
        if parent and self._tracks[parent - 1].end == self._frame:  # no child while its parent is still there
            parent = 0
        self._tracks.append(Track(len(self._tracks) + 1, self._frame, self._frame, parent))
        self._written[track] = len(self._tracks)
        return self._written[track]
