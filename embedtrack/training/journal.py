"""What a training leaves to look at beside its weights, drawn anew at each validation.

``curves.svg`` shows the parts of the loss and the validation scores, ``samples/0001200.jpg`` what the network of that
step makes of a few validation crops. Where TensorBoard is installed (extra ``tensorboard``), ``events`` holds the same
for it. None of them is part of the model: what ships are the weights, their configuration and the card.
"""

import importlib.util
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.files.whole import whole_file
from embedtrack.inference.segmenter import Segmenter
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.training.curves import PARTS, draw
from embedtrack.training.pictures import Sample, jpeg, picture
from embedtrack.truth.annotated import AnnotatedMovie

log = logging.getLogger(__name__)

CURVES, SAMPLES, EVENTS = "curves.svg", "samples", "events"
CROPS, SIDE = 4, 256


class Journal:
    """Call ``record`` with each record, within ``writing``, and ``look`` at each validation."""

    def __init__(self, out: Path, validation: Sequence[AnnotatedMovie]) -> None:
        """Of a training in the folder ``out``; the crops are taken from the movies that validate."""
        self.out, self._crops = out, crops(validation)
        self._records: list[Mapping[str, Any]] = []
        self._events: Any = None

    @contextmanager
    def writing(self, earlier: Iterable[str]) -> Iterator[None]:
        """Begin, or go on after these lines of ``train.jsonl``."""
        self._records = [json.loads(line) for line in earlier]
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # its import takes a second

            step = int(self._records[-1]["step"]) + 1 if self._records else None
            self._events = SummaryWriter(str(self.out / EVENTS), purge_step=step)
        try:
            yield
        finally:
            if self._events is not None:
                self._events.close()

    def record(self, record: Mapping[str, Any]) -> None:
        """Take in a step's losses, or a validation's score and draw the curves with it."""
        self._records.append(record)
        if self._events is not None:
            for name, value in record.items():
                if name in PARTS:
                    self._events.add_scalar(f"loss/{name}", value, record["step"])
                elif name in ("rate", "validation_seg"):
                    self._events.add_scalar(name, value, record["step"])
        if "validation_seg" in record:
            _write(self.out / CURVES, draw(self._records, self.out.name).encode())

    def observe(self, network: nn.Module, config: ModelConfig, step: int, precision: str) -> None:
        """Draw what the network, in evaluation mode, makes of the crops; draws no random numbers."""
        model = Model(network, config.method.implementation().at_working_scale(config))
        where = str(model.device)
        segmenter = Segmenter(model, Options(views=1, device=where, precision=precision))
        samples = []
        for crop in self._crops:
            height, width = crop.frame.shape
            labels = segmenter.frame(crop.frame, (height, width)).cells().labels
            samples.append(crop._replace(labels=labels))
        if not samples:
            return
        made = picture(samples, f"step {step}")
        _write(self.out / SAMPLES / f"{step:07d}.jpg", jpeg(made))
        if self._events is not None:
            self._events.add_image("samples", cv2.cvtColor(made, cv2.COLOR_BGR2RGB), step, dataformats="HWC")


def crops(validation: Sequence[AnnotatedMovie]) -> list[Sample]:
    """Parts of a few validation frames, each around a cell in its middle, with truth and no cells yet."""
    found = []
    for movie in validation:
        times = [t for t in range(len(movie.frames)) if movie.centres[t]]
        for t in times[:: max(1, len(times) // max(1, CROPS // len(validation)))]:
            places = list(movie.centres[t].values())
            corner = [
                int(min(max(middle - SIDE / 2, 0), max(0, size - SIDE)))
                for middle, size in zip(places[len(places) // 2], movie.frames[t].shape, strict=True)
            ]
            box = np.s_[corner[0] : corner[0] + SIDE, corner[1] : corner[1] + SIDE]
            frame, truth = movie.frames[t][box], movie.labels[t][box]
            found.append(Sample(frame, truth, np.zeros(truth.shape, np.int32)))
    return found[:CROPS]


def _write(path: Path, data: bytes) -> None:
    """Complete when it appears. A picture is not worth a training: a full disk is only told of."""
    try:
        with whole_file(path) as new:
            new.write_bytes(data)
    except OSError as error:
        log.warning("%s could not be written: %s", path, error.strerror)
