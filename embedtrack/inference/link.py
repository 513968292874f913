"""Link masks that somebody else made: by a model's tracking offsets beside a movie, else by overlap and distance.

Masks keep their pixels, and none is added or left out, unless a repair is asked for: then gaps are filled, merged cells
are split and false ones fall, as in the tracking of one's own cells.
"""

import logging
import math
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from embedtrack import checkpoint
from embedtrack.challenge import provenance
from embedtrack.challenge.pins import columns, read_pins
from embedtrack.challenge.writer import ResultWriter
from embedtrack.config import ModelConfig
from embedtrack.inference.adapt import adapt
from embedtrack.inference.memory import Deflated
from embedtrack.inference.paired import Images, Paired, pair
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.track import Summary, summarise
from embedtrack.inference.used import used_by_run
from embedtrack.model import Model, OnFrame
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.movie import Movie
from embedtrack.movies.normalise import normalise
from embedtrack.movies.settings import Normalisation
from embedtrack.options import Options
from embedtrack.tracked import Tracked
from embedtrack.tracks.given import given_cells
from embedtrack.tracks.pins import rows_of
from embedtrack.tracks.relabel import present
from embedtrack.tracks.tracker import Tracker, finished
from embedtrack.types import Cells, Pin

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
    paired = pair(masks, movie)
    if model and paired.images is None:
        raise ValueError("expected the movie beside the masks: a model's tracking offsets come from its frames")
    options = paired.sized(options or Options(views=1))
    segmenter = _segmenter(model, paired, options) if model else None
    tracker = _tracker(segmenter, options, repair, paired, _said(paired.masks) if pins is None else pins)
    found = Deflated()
    on_frame(0, len(paired.labels))
    with closing(_cells(paired, segmenter, _normalisation(paired.images, segmenter))) as cells:
        for mask in finished(tracker, cells):
            found.append(mask)
            on_frame(len(found), len(paired.labels))
    height, width = paired.labels[0].shape
    result = Tracked(found, tracker.tracks(), (height, width), confidence=tracker.confidence())
    source = paired.movie or paired.masks
    return result.of(source) if source else result


def link_files(
    paired: Paired,
    out: Path,
    *,
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
        paired: masks of files, and their movie where there is one.
        out: the result's folder; an older result of ours is replaced at the end. Its record and its log lie beside it.
        model_folder: of the model whose tracking offsets are used; it needs the movie.
        options: how the model runs, and the longest gap.
        repair: let gaps be filled, merged cells be split and false ones fall.
        pins: keep the links that a person has corrected in these masks.
        overwrite: replace what is there even if it is no result of ours.
        notes: what else the record should say, e.g. how the model was chosen.
        on_frame: called with the number of finished frames and of all.

    Raises:
        ValueError: anything that is wrong with the model or the destination, before any work.
    """
    begin, options = time.perf_counter(), paired.sized(options or Options(views=1))
    layout = paired.movie or paired.masks
    if not paired.masks or not layout:
        raise ValueError("expected masks of files, got arrays: link takes them")
    segmenter = _segmenter(checkpoint.load(model_folder), paired, options) if model_folder else None
    norm = _normalisation(paired.images, segmenter)
    tracker = _tracker(segmenter, options, repair, paired, _said(paired.masks) if pins else [])
    with ResultWriter(out, layout, overwrite=overwrite) as writer:
        on_frame(0, len(paired.labels))
        with closing(_cells(paired, segmenter, norm)) as cells:
            for index, mask in enumerate(finished(tracker, cells)):
                writer.write(index, mask)
                on_frame(index + 1, len(paired.labels))
        seconds = time.perf_counter() - begin
        ran = replace(segmenter.options, device=str(segmenter.device)) if segmenter else replace(options, device="cpu")
        known = provenance.gather(layout.path, model_folder, seconds, ran, layout.note())
        used = {**used_by_run(tracker, paired.movie, segmenter, norm), **(notes or {})}
        known |= {"masks": str(paired.masks.path.resolve()), "repair": repair, "used": used}
        known |= columns(tracker.pins(), layout.first)
        writer.commit(tracker.tracks(), known, tracker.confidence())
    provenance.write_log(out, known, overwrite=overwrite)
    return summarise(tracker.tracks(), len(paired.labels), seconds)._replace(used=used)


def _segmenter(model: Model, paired: Paired, options: Options) -> Segmenter | None:
    """What sees the movie of the masks; a hint where the model has learnt cells of another size than theirs."""
    if paired.images is None:
        return None
    segmenter = Segmenter(model, options)
    segmenter.model = adapt(segmenter.model, paired.images, options)
    known, typical = segmenter.model.config.cell_diameter, paired.diameter
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
    segmenter: Segmenter | None, options: Options, repair: bool, paired: Paired, said: Collection[Pin]
) -> Tracker:
    labels = paired.labels
    config = segmenter.model.config if segmenter else ModelConfig()
    longest = config.linking.max_gap if options.max_gap is None else options.max_gap
    in_frame = cache(lambda t: present(labels[t]).tolist() if 0 <= t < len(labels) else [])
    pins, left = rows_of(said, in_frame, longest)
    if len(pins):
        log.info("%d corrected links stay as a person said", len(pins))
    for pin in left:
        log.warning(
            "frame %d, cell %d: its corrected link cannot be kept, as it leads too far or its cells are gone",
            pin.frame + (paired.masks.first if paired.masks else 0),
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


def _cells(paired: Paired, segmenter: Segmenter | None, norm: Normalisation | None) -> Generator[Cells]:
    """The cells of each frame, with what a movie and a model say of them."""
    if paired.images is None or norm is None:
        yield from map(given_cells, paired.labels)
        return
    with closing(_origins(paired.images, segmenter)) as origins:
        for t, (one, image, origin) in enumerate(zip(paired.labels, paired.images, origins, strict=True)):
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
