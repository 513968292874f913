"""The movie for a page: frames as JPEG, as good as the page's size allows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.looks import overlay


class Grade(NamedTuple):
    """How frames are stored."""

    quality: int
    """Of the JPEG, to 100."""
    scale: float
    """Pixels of the image per pixel of the frame."""


LADDER = (
    *(Grade(quality, 1.0) for quality in (90, 80, 70, 60, 50, 40, 30)),
    *(Grade(45, scale) for scale in (0.7, 0.5, 0.35, 0.25, 0.18, 0.125)),
)
"""From the best to the smallest."""


def encode(frame: NDArray[Any], grey: overlay.Span, grade: Grade) -> bytes:
    """The frame [H, W] as JPEG, with the grey values that ``show`` gives it."""
    picture = overlay.background(frame, (frame.shape[0], frame.shape[1]), grey, 1)[..., 0]
    if grade.scale < 1:
        picture = np.asarray(
            cv2.resize(picture, None, fx=grade.scale, fy=grade.scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    done, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, grade.quality])
    assert done, "OpenCV writes JPEG"
    return code.tobytes()


def choose(raw: Sequence[NDArray[Any]], grey: overlay.Span, budget: float) -> Grade:
    """The best grade with which all frames together stay within ``budget`` bytes, judged by a few of them."""
    few = [raw[i] for i in sorted({0, len(raw) // 2, len(raw) - 1})]
    for grade in LADDER:
        largest = max(len(encode(frame, grey, grade)) for frame in few)
        if largest * len(raw) <= budget:
            return grade
    return LADDER[-1]
