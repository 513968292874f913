"""Link masks that somebody else made: by a model's tracking offsets beside a movie, else by overlap and distance.

Masks keep their pixels, and none is added or left out, unless a repair is asked for: then gaps are filled, merged cells
are split and false ones fall, as in the tracking of one's own cells.
"""

import logging
import math
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge import provenance
from embedtrack.challenge.pins import columns, read_pins
from embedtrack.challenge.writer import ResultWriter
from embedtrack.config import ModelConfig
from embedtrack.files.lazy import Lazy
from embedtrack.inference.adapt import adapt
from embedtrack.inference.memory import Deflated
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.track import Summary, summarise
from embedtrack.inference.used import used_by_run
from embedtrack.model import Model, OnFrame
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.masks import as_labels, checked, open_masks
from embedtrack.movies.memory import frames_of
from embedtrack.movies.movie import Movie
from embedtrack.movies.normalise import normalise
from embedtrack.movies.scale import typical_diameter
from embedtrack.movies.settings import Normalisation
from embedtrack.options import FOUND, Options
from embedtrack.tracked import Tracked
from embedtrack.tracks.given import given_cells
from embedtrack.tracks.pins import rows_of
from embedtrack.tracks.relabel import present
from embedtrack.tracks.tracker import Tracker, finished
from embedtrack.types import Cells, Labels, Pin

Images = Sequence[NDArray[Any]]
"""The grey values [H, W] of each frame."""
log = logging.getLogger(__name__)
FAR = 1.5
"""Masks that are so many times as large or small as the cells that a model has learnt are told."""
GLANCES = 3
"""Without a model, so many frames tell how grey values are normalised."""


def link(
    masks: Any,
    movie: Any = None,
    options: Options | None = None,
    *,
    model: Model | None = None,
    repair: bool = False,
    pins: Collection[Pin] | None = None,
    on_frame: OnFrame = lambda done, total: None,
) -> Tracked:
    """Link masks in memory; nothing is written.

    Args:
        masks: label images [H, W], an array [T, H, W] or a list of them, or the path of what ``open_masks`` opens.
        movie: its frames, as ``Model.track`` takes them; with a model they are needed.
        options: how the model runs, and the longest gap. Cells in the border stay where no border is asked for.
        model: whose tracking offsets say where cells came from; without one overlap and distance do.
        repair: let gaps be filled, merged cells be split and false ones fall.
        pins: where some cells come from, see ``tracks/pins.py``; by default what a person has corrected in these masks.
        on_frame: told of each finished frame; an exception of it ends the work.

    Raises:
        ValueError: there are no masks, or movie and masks do not fit together.
    """
    labels, about = _masks(masks)
    images, opened = _images(movie, labels, about)
    if model and images is None:
        raise ValueError("expected the movie beside the masks: a model's tracking offsets come from its frames")
    options = sized(options or Options(views=1), labels)
    segmenter = _segmenter(model, images, labels, options) if model and images is not None else None
    tracker = _tracker(segmenter, options, repair, labels, _said(about) if pins is None else pins)
    found = Deflated()
    on_frame(0, len(labels))
    with closing(_cells(labels, images, segmenter, _normalisation(images, segmenter))) as cells:
        for mask in finished(tracker, cells):
            found.append(mask)
            on_frame(len(found), len(labels))
    shape = (labels[0].shape[0], labels[0].shape[1])
    result = Tracked(found, tracker.tracks(), shape, confidence=tracker.confidence())
    source = opened or about
    return result.of(source) if source else result


def link_files(
    masks: Path | Movie,
    out: Path,
    *,
    raw: Movie | None = None,
    model_folder: Path | None = None,
    options: Options | None = None,
    repair: bool = False,
    pins: bool = True,
    overwrite: bool = False,
    notes: Mapping[str, Any] | None = None,
    on_frame: OnFrame = lambda done, total: None,
) -> Summary:
    """Link masks on disk; ``out`` gets masks and ``res_track.txt`` when they are complete and valid.

    Args:
        masks: what ``open_masks`` opens, or opened.
        out: the result's folder; an older result of ours is replaced at the end. Its record and its log lie beside it.
        raw: the movie.
        model_folder: of the model whose tracking offsets are used; it needs ``raw``.
        options: how the model runs, and the longest gap.
        repair: let gaps be filled, merged cells be split and false ones fall.
        pins: keep the links that a person has corrected in these masks.
        overwrite: replace what is there even if it is no result of ours.
        notes: what else the record should say, e.g. how the model was chosen.
        on_frame: called with the number of finished frames and of all.

    Raises:
        ValueError: anything that is wrong with the input, the model or the destination, before any work.
    """
    begin, options = time.perf_counter(), options or Options(views=1)
    opened = masks if isinstance(masks, Movie) else open_masks(masks)
    labels, _ = _masks(opened)
    images, _ = _images(raw, labels, opened)
    options = sized(options, labels)
    segmenter = (
        _segmenter(checkpoint.load(model_folder), images, labels, options)
        if model_folder and images is not None
        else None
    )
    norm = _normalisation(images, segmenter)
    tracker = _tracker(segmenter, options, repair, labels, _said(opened) if pins else [])
    layout = raw or opened
    with ResultWriter(out, layout, overwrite=overwrite) as writer:
        on_frame(0, len(labels))
        with closing(_cells(labels, images, segmenter, norm)) as cells:
            for index, mask in enumerate(finished(tracker, cells)):
                writer.write(index, mask)
                on_frame(index + 1, len(labels))
        seconds = time.perf_counter() - begin
        ran = replace(segmenter.options, device=str(segmenter.device)) if segmenter else replace(options, device="cpu")
        known = provenance.gather(layout.path, model_folder, seconds, ran, layout.note())
        used = {**used_by_run(tracker, raw, segmenter, norm), **(notes or {})}
        known |= {"masks": str(opened.path.resolve()), "repair": repair, "used": used}
        known |= columns(tracker.pins(), layout.first)
        writer.commit(tracker.tracks(), known, tracker.confidence())
    provenance.write_log(out, known, overwrite=overwrite)
    return summarise(tracker.tracks(), len(labels), seconds)._replace(used=used)


def _masks(masks: Any) -> tuple[Lazy[Labels], Movie | None]:
    """The label images of anything that is masks, all of them looked at once, and where they were opened."""
    opened = masks if isinstance(masks, Movie) else open_masks(Path(masks)) if isinstance(masks, str | Path) else None
    frames: Any = opened.frames if opened else masks
    axes = getattr(frames, "ndim", None)
    if not isinstance(frames, Sequence) and axes != 3:
        frames = list(frames)
    count = frames.shape[0] if axes == 3 else len(frames)  # zarr's arrays have no length
    if not count:
        raise ValueError("expected masks of at least one frame, got none")
    name = opened.path if opened else "masks"
    checked(Lazy(count, lambda t: _array(frames[t])), name)
    shapes = {_array(frames[t]).shape for t in range(count)} if not opened else set()
    if len(shapes) > 1:
        raise ValueError(f"expected masks of one shape, got {' and '.join(map(str, sorted(shapes)))}")
    return Lazy(count, lambda t: as_labels(_array(frames[t]), f"{name}, frame {t}")), opened


def _images(movie: Any, labels: Sequence[Labels], masks: Movie | None) -> tuple[Images | None, Movie | None]:
    """The frames of the movie of some masks, and the movie where it was opened."""
    if movie is None:
        return None, None
    frames, opened = frames_of(movie)
    images = frames if isinstance(frames, Sequence) else list(frames)
    name = opened.path if opened else "the movie"
    shape = opened.shape if opened else images[0].shape if images else ()
    check_together(name, (len(images), shape), (len(labels), labels[0].shape))
    if opened and masks and opened.path.is_dir() and masks.path.is_dir() and opened.first != masks.first:
        log.warning(
            "%s begins with number %d and the movie with %d: they are paired in order, the first with the first",
            masks.path, masks.first, opened.first,
        )  # fmt: skip
    return images, opened


def check_together(name: object, movie: tuple[int, tuple[int, ...]], masks: tuple[int, tuple[int, ...]]) -> None:
    """Raise ValueError unless a movie and masks have as many frames, of one shape: each its number and shape."""
    if movie != masks:
        of_masks, of_movie = (
            f"{count} frames of {' x '.join(map(str, shape))} pixels" for count, shape in (masks, movie)
        )
        raise ValueError(
            f"{name}: expected the movie of the masks, {of_masks}, got {of_movie}; check both, or convert one of them"
        )


def sized(options: Options, labels: Sequence[Labels]) -> Options:
    """A diameter that is to be found is that of the masks."""
    return replace(options, diameter=_typical(labels)) if options.diameter == FOUND else options


def _typical(labels: Sequence[Labels]) -> float | None:
    return typical_diameter([labels[t] for t in sorted({0, len(labels) // 2, len(labels) - 1})])


def _segmenter(model: Model, images: Images, labels: Sequence[Labels], options: Options) -> Segmenter:
    """What sees the movie of the masks; a hint where the model has learnt cells of another size than theirs."""
    segmenter = Segmenter(model, options)
    segmenter.model = adapt(segmenter.model, images, options)
    known, typical = segmenter.model.config.cell_diameter, _typical(labels)
    if known and typical and abs(math.log(typical / known)) > math.log(FAR):
        log.warning(
            "masks of %.0f pixels, and %s sees the movie as if cells were of %.0f: --diameter auto brings it there",
            typical, model.folder.name if model.folder else "the model", known,
        )  # fmt: skip
    return segmenter


def _said(masks: Movie | None) -> list[Pin]:
    """Where cells come from as a person has corrected it."""
    return read_pins(masks.path, masks.first) if masks else []


def _tracker(
    segmenter: Segmenter | None, options: Options, repair: bool, labels: Sequence[Labels], said: Collection[Pin]
) -> Tracker:
    config = segmenter.model.config if segmenter else ModelConfig()
    longest = config.linking.max_gap if options.max_gap is None else options.max_gap
    in_frame = cache(lambda t: present(labels[t]).tolist() if 0 <= t < len(labels) else [])
    pins, left = rows_of(said, in_frame, longest)
    if len(pins):
        log.info("%d corrected links stay as a person said", len(pins))
    for pin in left:
        log.warning(
            "frame %d, cell %d: its corrected link cannot be kept, as it leads too far or its cells are gone",
            pin.frame,
            pin.label,
        )
    return Tracker(config, options.border or 0, options.max_gap, given=not repair, crumbs=options.crumbs, pins=pins)


def _normalisation(images: Images | None, segmenter: Segmenter | None) -> Normalisation | None:
    """How the movie's grey values are normalised: as the model's, or without one as a few frames tell."""
    if segmenter:
        return segmenter.model.config.normalisation
    if images is None:
        return None
    return normalisation_for([images[t] for t in {t * (len(images) - 1) // (GLANCES - 1) for t in range(GLANCES)}])


def _cells(
    labels: Sequence[Labels], images: Images | None, segmenter: Segmenter | None, norm: Normalisation | None
) -> Generator[Cells]:
    """The cells of each frame, with what a movie and a model say of them."""
    if images is None or norm is None:
        yield from map(given_cells, labels)
        return
    with closing(_origins(images, segmenter)) as origins:
        for t, (one, image, origin) in enumerate(zip(labels, images, origins, strict=True)):
            if image.shape != one.shape:
                size = " x ".join(map(str, one.shape))
                raise ValueError(
                    f"frame {t}: expected {size} pixels as its masks have, got {image.shape}; crop or pad it"
                )
            yield given_cells(one, normalise(image, norm), origin)


def _origins(images: Images, segmenter: Segmenter | None) -> Generator[Any]:
    """Of each frame where its pixels' cells were in the one before, None where nobody says so."""
    if segmenter is None:
        yield from (None for _ in images)
        return
    with closing(segmenter.movie(images)) as frames:
        for frame in frames:
            yield frame.cells.origin


def _array(image: Any) -> NDArray[Any]:
    """Dask and zarr read it now."""
    return np.asarray(image)
