"""The commands that are tried, on a small drawn movie, and how to tell that an output is whole."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd
import torch
from PIL import Image
from torch import nn

from embedtrack import checkpoint
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.config import ModelConfig
from embedtrack.exchange.formats import export, load
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.movies.tiff_image import read_labels
from embedtrack.movies.units import Units
from tests.drawings import Toy, write_movie

KINDS = ("geff", "trackmate", "napari", "ome-zarr", "isbi")


class Command(NamedTuple):
    """A command line; IN and OUT stand for the folders of its inputs and outputs."""

    name: str
    words: tuple[str, ...]
    out: str
    """The output's name."""
    whole: Callable[[Path], object]
    """Fails unless an output is whole."""


def prepare(place: Path, toy: Toy) -> None:
    """The inputs: a movie, its truth and a result with a record, exports of it, and a model that knows nothing."""
    write_movie(toy, place)
    truth = open_tracked(place / "01_GT", Units(0.5, 60))
    write_tracked(truth, place / "01_RES")
    for kind in KINDS:
        export(truth, kind, place / "exports" / kind)
    torch.manual_seed(0)
    network = BranchedERFNet()
    for part in (network.segmentation, network.seediness, network.tracking):
        nn.init.normal_(part[-1].weight, std=0.1)
    checkpoint.save(place / "model", network, ModelConfig())


def _exported(kind: str) -> Callable[[Path], object]:
    return lambda path: [mask.max() for mask in load(path, kind).masks]


def _film(path: Path) -> None:
    film, count = cv2.VideoCapture(str(path)), 0
    while film.read()[0]:
        count += 1
    assert count in (4, 6), count


def _picture(path: Path) -> None:
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()


def _table(path: Path) -> None:
    read = pd.read_csv if path.suffix == ".csv" else pd.read_parquet
    for table in (path, path.with_name(f"{path.stem}_tracks{path.suffix}")):
        assert len(read(table)) > 1, table


def _page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "</html>" in text
    assert text.endswith("-->\n")


def _labels(path: Path) -> None:
    found = [read_labels(file) for file in path.glob("*.tif")]
    assert len(found) in (4, 6), found


def _result(path: Path) -> object:
    return [mask.max() for mask in open_tracked(path).masks]


RUN = ("--model", "IN/model", "--views", "1", "--device", "cpu")
COMMANDS = (
    *(
        Command(f"export {kind}", ("export", "IN/01_RES", "--to", kind, "--out", "OUT/e"), "e", _exported(kind))
        for kind in KINDS
    ),
    *(
        Command(f"import {kind}", ("import", f"IN/exports/{kind}", "--out", "OUT/01_RES"), "01_RES", _result)
        for kind in KINDS
    ),
    Command("export with movie", ("export", "IN/01_RES", "--to", "ome-zarr", "--raw", "IN/01", "--out", "OUT/e"), "e",
            _exported("ome-zarr")),
    *(
        Command(f"show {end}", ("show", "IN/01_RES", "--raw", "IN/01", "--out", f"OUT/m.{end}"), f"m.{end}", whole)
        for end, whole in {"mp4": _film, "webm": _film, "gif": _picture, "png": _picture, "jpg": _picture}.items()
    ),
    *(
        Command(f"measure {end}", ("measure", "IN/01_RES", "--raw", "IN/01", "--out", f"OUT/t.{end}"), f"t.{end}",
                _table)
        for end in ("csv", "parquet")
    ),
    Command("report", ("report", "IN/01_RES", "--raw", "IN/01", "--out", "OUT/r.html"), "r.html", _page),
    Command("check", ("check", "IN/01_RES"), "", lambda path: None),
    Command("evaluate", ("evaluate", "IN/01_GT", "IN/01_RES"), "", lambda path: None),
    Command("infer", ("infer", "IN/01", *RUN, "--out", "OUT/01_RES"), "01_RES", _result),
    Command("segment", ("segment", "IN/01", *RUN, "--out", "OUT/s"), "s", _labels),
    Command("link", ("link", "IN/01_GT/TRA", "--out", "OUT/01_RES"), "01_RES", _result),
    Command("watch", ("watch", "IN/01", *RUN, "--out", "OUT/01_RES", "--idle", "0.1"), "01_RES", _result),
)  # fmt: skip
