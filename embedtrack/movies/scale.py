"""The working scale: the network sees a frame smaller or larger, so that a typical cell suits what it has learnt.

A network of 3x3 filters sees best what spans 25 to 50 pixels; a nucleus of 100 costs it four times the work and more
layers to see it whole, and a cell of 12 has no inside. Frames are brought to the working scale, maps back to the
frame's own, so that outlines, clustering, linking and all sizes in ``config.json`` are in the frame's pixels.
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.settings import SCALES
from embedtrack.types import Frame, Labels

TYPICAL = 36.0
"""Working pixels across a typical cell."""
BOUNDS = (0.125, 4.0)
"""Working pixels per pixel of the frame, at least and at most, of a model of all cells."""


def scale_for(diameter: float, long: float = 0.0, most: float = math.inf) -> float:
    """The scale that brings cells of this diameter in pixels nearest to ``TYPICAL``.

    It is less if cells ``long`` pixels long would span more than ``most`` working pixels, and there is a smaller one.
    """
    fit = [scale for scale in SCALES if scale * long <= most] or [min(SCALES)]
    return min(fit, key=lambda scale: abs(math.log(scale * diameter / TYPICAL)))


def scale_to(working: float, diameter: float) -> float:
    """The scale that brings cells of a diameter in pixels to a working diameter, within BOUNDS."""
    return float(np.clip(working / diameter, *BOUNDS))


def typical_diameter(labels: Sequence[Labels]) -> float | None:
    """The median diameter in pixels of the cells of some frames, of discs of their areas; None: no cell."""
    areas = np.concatenate([np.unique(one[one > 0], return_counts=True)[1] for one in labels])
    return 2 * math.sqrt(float(np.median(areas)) / math.pi) if areas.size else None


def to_working(image: NDArray[Any], scale: float) -> NDArray[Any]:
    """Grey values [H, W] at the working scale.

    Below 1, working pixels are means of squares of 1 / scale pixels, which also takes away noise, and the frame is
    mirrored at its far edges up to a multiple of that; above 1 they are interpolated. A scale that is not among
    ``SCALES`` means over areas or interpolates, and the size is rounded.

    Returns:
        [ceil(H scale), ceil(W scale)], float32, or the image itself where the scale is 1.
    """
    if scale == 1:
        return image
    grey = image.astype(np.float32)
    if scale not in SCALES:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(grey, working_size(grey.shape, scale)[::-1], interpolation=how).astype(np.float32, copy=False)
    if scale > 1:
        return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    side = round(1 / scale)
    height, width = grey.shape
    grey = np.pad(grey, ((0, -height % side), (0, -width % side)), mode="symmetric")
    blocks = grey.reshape(grey.shape[0] // side, side, grey.shape[1] // side, side)  # [H, W] -> [h, side, w, side]
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return means


def working_size(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Height and width at a scale that is not among ``SCALES``."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def labels_to_working(labels: Labels, scale: float) -> Labels:
    """Labels int32[H, W] at the working scale; each pixel takes the label at its middle.

    The middle of an even block lies between its pixels, so outlines move by half a pixel; as samples are turned and
    flipped in training, this moves them in all directions alike.
    """
    if scale == 1:
        return labels
    if scale not in SCALES:
        rows, columns = (
            ((np.arange(size) + 0.5) * length / size).astype(np.int64)
            for size, length in zip(working_size(labels.shape, scale), labels.shape, strict=True)
        )
        return np.ascontiguousarray(labels[rows[:, None], columns])
    if scale > 1:
        return labels.repeat(round(scale), axis=0).repeat(round(scale), axis=1)
    side = round(1 / scale)
    height, width = labels.shape
    padded = np.pad(labels, ((0, -height % side), (0, -width % side)), mode="symmetric")
    return np.ascontiguousarray(padded[side // 2 :: side, side // 2 :: side])


def frame_to(frame: Frame, shape: tuple[int, int], scale: float) -> Frame:
    """A frame at the working scale -> float32[H, W] of the given shape."""
    return frame if scale == 1 else channels_to_frame([frame], shape, scale)[0]


def channels_to_frame(channels: Sequence[Frame], shape: tuple[int, int], scale: float) -> Frame:
    """float32[n, H, W]: channels at the working scale, at that of a frame of shape (H, W)."""
    height, width = channels[0].shape
    if scale not in SCALES:
        size, how = (shape[1], shape[0]), cv2.INTER_LINEAR if scale < 1 else cv2.INTER_AREA
    elif scale < 1:
        size, how = (width * round(1 / scale), height * round(1 / scale)), cv2.INTER_LINEAR
    else:
        size, how = (width // round(scale), height // round(scale)), cv2.INTER_AREA
    return np.stack([cv2.resize(c, size, interpolation=how)[: shape[0], : shape[1]] for c in channels])
