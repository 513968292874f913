"""The trackers that ``benchmarks.linking`` compares, each as one function: given masks -> which follows which.

Each runs with what its own documentation gives for segmented cells, and imports its package only when it runs. It is a
program too, so that each has a process of its own: ``python -m benchmarks.trackers NAME GIVEN.npz OUT.npz``.
"""

import resource
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from embedtrack import __version__
from embedtrack.challenge.aogm import Edge, Node
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.exchange.graph import tracked
from embedtrack.tracked import Tracked
from embedtrack.tracks.relabel import present, rename
from embedtrack.types import Labels


class Given(NamedTuple):
    """What every tracker gets."""

    labels: NDArray[np.int32]
    """int32[T, H, W]: 1 to n in each frame, names without meaning."""
    raw: Path | None = None
    """The movie."""
    model: str | None = None
    """Of ours, for the tracking offsets."""

    @property
    def nodes(self) -> list[Node]:
        """All cells: (frame, label)."""
        return [(t, label) for t, frame in enumerate(self.labels) for label in range(1, int(frame.max()) + 1)]

    def centres(self) -> NDArray[np.float64]:
        """float64[k, 2]: (y, x) of the centre of gravity of each of the ``nodes``."""
        found = []
        for frame in self.labels:
            flat, count = frame.ravel(), int(frame.max()) + 1
            area = np.bincount(flat, minlength=count)[1:]
            axes = np.indices(frame.shape).reshape(2, -1)
            found.append(np.stack([np.bincount(flat, axis, count)[1:] / area for axis in axes], axis=1))
        return np.concatenate(found)


class Linked(NamedTuple):
    """What a tracker made of them."""

    nodes: list[Node]
    """The cells that it kept."""
    links: list[Edge]


def embedtrack_overlap(given: Given) -> Tracked:
    """Ours by overlap and distance, without the movie."""
    from embedtrack.inference.link import link

    return link(given.labels)


def embedtrack_offsets(given: Given) -> Tracked:
    """Ours with a model's tracking offsets."""
    from embedtrack.model import Model
    from embedtrack.movies.open import open_movie

    if given.raw is None or given.model is None:
        raise ValueError("expected a movie and a model for the tracking offsets, got none")
    return Model.load(given.model).link(given.labels, open_movie(given.raw).frames[: len(given.labels)])


def laptrack(given: Given) -> Linked:
    """The example of its documentation for segmented cells, "Tracking by overlaps"."""
    from laptrack import OverLapTrack

    tracker = OverLapTrack(
        cutoff=0.9, splitting_cutoff=0.9, gap_closing_max_frame_count=1,
        metric_coefs=(1.0, -1.0, 0.0, 0.0, 0.0), gap_closing_metric_coefs=(1.0, -1.0, 0.0, 0.0, 0.0),
        splitting_metric_coefs=(1.0, 0.0, 0.0, 0.0, -1.0),
    )  # fmt: skip
    cells, splits, _ = tracker.predict_overlap_dataframe(given.labels)
    paths: dict[int, list[Node]] = {}
    for (frame, label), track in zip(cells.index, cells["track_id"], strict=True):
        paths.setdefault(int(track), []).append((int(frame), int(label)))
    parents = {} if not len(splits) else dict(zip(splits["child_track_id"], splits["parent_track_id"], strict=True))
    return Linked(given.nodes, _links(paths, {int(child): int(parent) for child, parent in parents.items()}))


def btrack(given: Given) -> Linked:
    """The configuration for cells of its own examples, optimised as its documentation shows."""
    import btrack as package
    from btrack.btypes import PyTrackObject

    nodes = given.nodes
    objects = [
        PyTrackObject.from_dict({"ID": number, "t": node[0], "y": y, "x": x, "z": 0.0})
        for number, (node, (y, x)) in enumerate(zip(nodes, given.centres().tolist(), strict=True))
    ]
    height, width = given.labels.shape[1:]
    with package.BayesianTracker(verbose=False) as tracker:
        tracker.configure(REPOSITORY / "benchmarks" / "btrack_cells.json")
        tracker.append(objects)
        tracker.volume = ((0, width), (0, height))
        tracker.track(step_size=100)
        tracker.optimize()
        tracks = tracker.tracks
    paths = {track.ID: [nodes[number] for number in track.refs if number >= 0] for track in tracks}  # else a dummy
    parents = {track.ID: track.parent for track in tracks if track.parent not in (None, 0, track.ID)}
    return Linked(nodes, _links(paths, parents))


def byotrack(given: Given) -> Linked:
    """Its Kalman linker, set by the rules of its own entry to the challenge's linking benchmark."""
    import torch
    from byotrack import SegmentationDetections
    from byotrack.api.detections.statistics import average_min_dist, average_radius
    from byotrack.implementation.linker.frame_by_frame.kalman_linker import KalmanLinker, KalmanLinkerParameters

    seen = [SegmentationDetections(torch.from_numpy(frame.copy())) for frame in given.labels]
    radius, first, last = average_radius(seen), len(seen[0]), len(seen[-1])
    growing = last - first > max(0.3 * first, 1)
    specs = KalmanLinkerParameters(
        max(3 * radius, average_min_dist(seen)), detection_std=radius / 2, process_std=3 * radius, kalman_order=0,
        cost="euclidean", n_valid=1, n_gap=1, split_factor=float(growing), track_building="detection",
    )  # fmt: skip
    tracks = list(KalmanLinker(specs).run(None, seen))
    paths = {
        track.identifier: [
            (track.start + t, number + 1) for t, number in enumerate(track.detection_ids.tolist()) if number >= 0
        ]
        for track in tracks
    }
    parents = {track.identifier: track.parent_id for track in tracks if track.parent_id >= 0}
    return Linked(given.nodes, _links(paths, parents))


def motile(given: Given) -> Linked:
    """Its own costs with the values that its application, motile-tracker, begins with; cells it leaves out are out."""
    import networkx
    from motile import Solver, TrackGraph
    from motile.constraints import MaxChildren, MaxParents
    from motile.costs import EdgeSelectedCost, NodeAppearCost, NodeSplitCost
    from scipy.spatial import KDTree

    graph: networkx.DiGraph[Node] = networkx.DiGraph()
    by_frame: dict[int, list[tuple[Node, list[float]]]] = {t: [] for t in range(len(given.labels))}
    for node, place in zip(given.nodes, given.centres().tolist(), strict=True):
        graph.add_node(node, t=node[0])
        by_frame[node[0]].append((node, place))
    for t in range(1, len(given.labels)):
        if by_frame[t - 1] and by_frame[t]:
            trees = [KDTree([place for _, place in by_frame[one]]) for one in (t - 1, t)]
            near = trees[0].sparse_distance_matrix(trees[1], 50.0, output_type="coo_matrix")
            for i, j, far in zip(near.row.tolist(), near.col.tolist(), near.data.tolist(), strict=True):
                graph.add_edge(by_frame[t - 1][i][0], by_frame[t][j][0], distance=far)
    solver = Solver(TrackGraph(graph))
    solver.add_constraint(MaxChildren(2))
    solver.add_constraint(MaxParents(1))
    solver.add_cost(EdgeSelectedCost(weight=1.0, attribute="distance", constant=-20.0))
    solver.add_cost(NodeAppearCost(30.0))
    solver.add_cost(NodeSplitCost(20.0))
    solver.solve()
    chosen: Any = solver.get_selected_subgraph()
    return Linked(sorted(chosen.nodes), sorted(chosen.edges))


class Competitor(NamedTuple):
    """A tracker and the package that it needs."""

    link: Callable[[Given], Linked | Tracked]
    package: str | None
    """None: this one."""


TRACKERS = {
    "embedtrack, overlap": Competitor(embedtrack_overlap, None),
    "embedtrack, offsets": Competitor(embedtrack_offsets, None),
    "laptrack": Competitor(laptrack, "laptrack"),
    "btrack": Competitor(btrack, "btrack"),
    "byotrack": Competitor(byotrack, "byotrack"),
    "motile": Competitor(motile, "motile"),
}


def _links(paths: dict[int, list[Node]], parents: dict[int, int]) -> list[Edge]:
    """The links along each path, and from the end of a parent's to the beginning of a child's."""
    ordered = {track: sorted(path) for track, path in paths.items() if path}
    links = [edge for path in ordered.values() for edge in pairwise(path)]
    for child, parent in parents.items():
        if child in ordered and parent in ordered and ordered[parent][-1][0] < ordered[child][0][0]:
            links.append((ordered[parent][-1], ordered[child][0]))
    return links


def as_tracked(name: str, given: Given, found: Linked | Tracked) -> Tracked:
    """A valid result: where a path skips a frame, a new track begins whose parent is the old one."""
    if isinstance(found, Tracked):
        return found
    return tracked(name, list(given.labels), found.nodes, found.links)


def renumbered(frames: Iterable[Labels]) -> NDArray[np.int32]:
    """Frames int32[H, W] as one array int32[T, H, W], each with the labels 1 to n."""
    found = []
    for frame in frames:
        cells = present(frame).tolist()
        found.append(rename(frame, {label: number for number, label in enumerate(cells, start=1)}))
    return np.stack(found)


def save(path: Path, result: Tracked, **about: Any) -> None:
    """Keep a result in one file."""
    masks = np.stack([np.asarray(mask) for mask in result.masks])
    np.savez_compressed(path, masks=masks, tracks=np.array(result.tracks, np.int64).reshape(-1, 4), **about)


def main(
    name: Annotated[str, typer.Argument(help=", ".join(TRACKERS))],
    given_file: Annotated[Path, typer.Argument(metavar="GIVEN", help="labels, raw and model in one .npz.")],
    out: Annotated[Path, typer.Argument(help="Gets masks, tracks, seconds, megabytes and the package's version.")],
) -> None:
    """Let one tracker link; the time is that of linking alone, after a first run on the first two frames."""
    with np.load(given_file) as file:
        raw, model = str(file["raw"]), str(file["model"])
        given = Given(file["labels"], Path(raw) if raw else None, model or None)
    tracker = TRACKERS[name]
    tracker.link(given._replace(labels=given.labels[:2]))
    begin = time.perf_counter()
    found = tracker.link(given)
    seconds = time.perf_counter() - begin
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = as_tracked(name, given, found)
    number = version(tracker.package) if tracker.package else __version__
    save(out, result, seconds=seconds, megabytes=megabytes, version=number)


if __name__ == "__main__":
    typer.run(main)
