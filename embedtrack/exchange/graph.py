"""The currency of all formats: cells as vertices, links as edges, and their way back to valid tracks.

Other programs let a track skip frames, or give a cell another value in every frame. The challenge wants a label per
track that is present in each of its frames: ``tracked`` cuts tracks where they branch or skip, and renames where it
must.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.challenge.aogm import Edge, Node, edges
from embedtrack.challenge.lbep import MAX_LABEL
from embedtrack.challenge.tracked import require_valid
from embedtrack.files.lazy import Lazy
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Labels, Track


def nodes_of(tracks: Iterable[Track]) -> list[Node]:
    """All cells of all frames (index of the frame, label), frame by frame."""
    return sorted((t, track.label) for track in tracks for t in range(track.begin, track.end + 1))


def links_of(tracks: Iterable[Track]) -> list[Edge]:
    """All links: within tracks, over gaps, and from parents to children."""
    return sorted(edges(tracks))


def places(labels: Labels) -> dict[int, tuple[float, float]]:
    """Label -> (y, x) of its centroid, or of its pixel nearest to that where the centroid is outside of it."""
    found = {}
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        pixels = np.argwhere(labels[box] == label) + np.array([box[0].start, box[1].start])  # [N, 2]
        centre = pixels.mean(axis=0)
        if labels[tuple(centre.astype(int))] != label or labels[tuple(centre.round().astype(int))] != label:
            centre = pixels[((pixels - centre) ** 2).sum(axis=1).argmin()]
        found[label] = (float(centre[0]), float(centre[1]))
    return found


def same_label(labels: Sequence[NDArray[Any]]) -> tuple[list[Node], list[Edge]]:
    """Vertices and edges of masks that come without lineage: equal values are one cell."""
    nodes = [(t, value) for t, image in enumerate(labels) for value in np.unique(image[image > 0]).tolist()]
    last: dict[int, Node] = {}
    links = []
    for node in nodes:
        if node[1] in last:
            links.append((last[node[1]], node))
        last[node[1]] = node
    return nodes, links


def tracked(
    name: object,
    labels: Sequence[NDArray[Any]],
    nodes: Sequence[Node],
    links: Sequence[Edge],
    first: int = 0,
    digits: int = 3,
    units: Units | None = None,
    own: bool = False,
) -> Tracked:
    """Vertices and edges as a valid result.

    Args:
        name: of what was read, for messages.
        labels: integers [H, W] of every frame.
        nodes: (index of the frame, value in ``labels``); other values are background.
        links: from a vertex to a later one.
        first: number of the first frame.
        digits: width of frame numbers in file names.
        units: what a pixel and a frame are worth.
        own: the values are tracks of the challenge, where a cell may go on under another label from frame to frame.

    Raises:
        ValueError: a cell has several parents, a link goes back in time or to nowhere, or a vertex has no mask.
    """
    if not len(labels):
        raise ValueError(f"{name}: expected a frame or more, got none; is the movie's length in it right?")
    if bare := next((node for node in nodes if node[1] <= 0), None):
        raise ValueError(
            f"{name}: expected a mask for each cell, got the value {bare[1]} for one of frame {bare[0]}; correct it"
        )
    before, after = _neighbours(name, nodes, links)
    renamed = any(a[1] != b[1] and b[0] == a[0] + 1 and len(after[a]) == 1 for b, a in before.items())
    names = None if renamed and not own else _own_names(nodes, after)
    names = names or _new_names(nodes, before, after)
    tracks = _tracks(names, before)
    by_frame: dict[int, dict[int, int]] = defaultdict(dict)
    for (t, value), label in names.items():
        by_frame[t][value] = label
    shape = (int(labels[0].shape[0]), int(labels[0].shape[1]))
    made = Tracked(
        Lazy(len(labels), lambda t: _renamed(labels[t], by_frame[t])),
        tracks, shape, first, digits, units or Units(),
    )  # fmt: skip
    require_valid(made, name)
    return made


def _neighbours(
    name: object, nodes: Sequence[Node], links: Sequence[Edge]
) -> tuple[dict[Node, Node], dict[Node, list[Node]]]:
    """Vertex -> the one before it, and the ones after it."""
    known = set(nodes)
    before: dict[Node, Node] = {}
    after: dict[Node, list[Node]] = defaultdict(list)
    if len(known) < len(nodes):
        raise ValueError(f"{name}: expected each cell once a frame, got {len(nodes) - len(known)} twice; correct it")
    for start, end in dict.fromkeys(links):
        if start not in known or end not in known or start[0] >= end[0]:
            raise ValueError(
                f"{name}: expected links from cells to cells of later frames, got one from {_say(start)} to {_say(end)}"
            )
        if end in before:
            raise ValueError(
                f"{name}: expected one cell before each, got {_say(before[end])} and {_say(start)} before {_say(end)}; "
                "the challenge knows no merging: cut one of the links"
            )
        before[end] = start
        after[start].append(end)
    return before, after


def _say(node: Node) -> str:
    return f"cell {node[1]} of frame {node[0]}"


def _own_names(nodes: Sequence[Node], after: dict[Node, list[Node]]) -> dict[Node, int] | None:
    """The values themselves, if each is one track: without holes, linked throughout, branching at the end at most."""
    spans: dict[int, list[int]] = defaultdict(list)
    for t, value in sorted(nodes):
        spans[value].append(t)
    for value, times in spans.items():
        whole = times == list(range(times[0], times[-1] + 1)) and 0 < value <= MAX_LABEL
        if not whole or any(after[t, value] != [(t + 1, value)] for t in times[:-1]):
            return None
    return {node: node[1] for node in nodes}


def _new_names(nodes: Sequence[Node], before: dict[Node, Node], after: dict[Node, list[Node]]) -> dict[Node, int]:
    """1, 2, ... for each path that neither branches nor skips a frame."""
    names: dict[Node, int] = {}
    count = 0
    for node in sorted(nodes):
        start = before.get(node)
        if start and start[0] == node[0] - 1 and len(after[start]) == 1:
            names[node] = names[start]
        else:
            count += 1
            names[node] = count
    return names


def _tracks(names: dict[Node, int], before: dict[Node, Node]) -> list[Track]:
    members: dict[int, list[Node]] = defaultdict(list)
    for node in sorted(names):
        members[names[node]].append(node)
    return [
        Track(label, path[0][0], path[-1][0], names[before[path[0]]] if path[0] in before else 0)
        for label, path in sorted(members.items())
    ]


def _renamed(image: NDArray[Any], names: dict[int, int]) -> Labels:
    """The image [H, W] with the labels of its values, 0 for all others."""
    values = np.array(sorted(names), np.int64)
    labels = np.array([names[value] for value in values.tolist()], np.int32)
    if not len(values):
        return np.zeros(image.shape, np.int32)
    place = np.minimum(np.searchsorted(values, image), len(values) - 1)
    return np.where(values[place] == image, labels[place], 0).astype(np.int32)
