"""Crops of a training's validation frames, with the truth and what the network makes of them."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from embedtrack.looks.overlay import Picture, background, cells_of, outline, span, write
from embedtrack.truth.merge import UNKNOWN
from embedtrack.types import Frame, Labels

TRUTH, CELLS = (255, 255, 255), (0, 159, 230)
"""White and orange."""
SIDE = 256
"""Pixels of the picture along a crop."""


class Sample(NamedTuple):
    """A crop of a frame."""

    frame: Frame
    """float32[c, c], normalised."""
    truth: Labels
    """int32[c, c], UNKNOWN where the truth says nothing."""
    labels: Labels
    """int32[c, c]: the network's cells."""


def picture(samples: Sequence[Sample], caption: str) -> Picture:
    """The crops side by side: the frame above, and below it the truth in white and the network's cells in orange."""
    columns = []
    for sample in samples:
        zoom = max(1, SIDE // max(sample.frame.shape))
        shape = (sample.frame.shape[0], sample.frame.shape[1])
        plain = background(sample.frame, shape, span(sample.frame), zoom)
        drawn = plain.copy()
        for labels, colour, width in (
            (np.where(sample.truth == UNKNOWN, 0, sample.truth), TRUTH, 2),
            (sample.labels, CELLS, 1),
        ):
            for cell in cells_of(labels.astype(np.int32)).values():
                outline(drawn, cell, colour, zoom, width)
        columns.append(np.concatenate([_padded(plain), _padded(drawn)]))
    made: Picture = np.concatenate(columns, axis=1)
    write(made, caption, (6, 18), size=13)
    return made


def jpeg(made: Picture) -> bytes:
    """The picture as the bytes of a JPEG file."""
    done, data = cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, 70])
    assert done
    return data.tobytes()


def _padded(part: Picture) -> Picture:
    """A square of SIDE pixels with a black seam."""
    made = np.zeros((SIDE, SIDE, 3), np.uint8)
    part = part[: SIDE - 2, : SIDE - 2]
    made[: part.shape[0], : part.shape[1]] = part
    return made
