"""Random change of one sample: where the crops look, and how their grey values vary."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.recipe import Augmentation
from embedtrack.truth.appearance import vary_appearance
from embedtrack.truth.merge import UNKNOWN
from embedtrack.types import Frame, Labels


class View(NamedTuple):
    """Where a square crop looks: frame = matrix @ (crop - middle) + centre, in (y, x)."""

    matrix: NDArray[np.float64]
    """[2, 2]: turn, flip and scale."""
    centre: NDArray[np.float64]
    """[2]: the place in the frame that the crop's middle shows."""
    side: int

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points (y, x)[n, 2] of the frame lie in the crop."""
        return (points - self.centre) @ np.linalg.inv(self.matrix).T + (self.side - 1) / 2

    def scale(self) -> float:
        """Crop pixels per frame pixel, as an area."""
        return float(1 / abs(np.linalg.det(self.matrix)))

    def image(self, frame: Frame) -> Frame:
        """The crop of a frame float32[H, W] -> float32[side, side]; beyond its edges it is mirrored."""
        return self._warp(frame, cv2.INTER_LINEAR, cv2.BORDER_REFLECT).astype(np.float32, copy=False)

    def labels(self, labels: Labels) -> Labels:
        """The crop of labels int32[H, W] -> int32[side, side]; labels stay labels, UNKNOWN beyond the frame."""
        return self._warp(labels, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT).astype(np.int32, copy=False)

    def _warp(self, image: Frame | Labels, interpolation: int, border: int) -> NDArray[Any]:
        swapped = self.matrix[::-1, ::-1]  # cv2 counts (x, y)
        start = self.centre[::-1] - swapped @ np.full(2, (self.side - 1) / 2)
        affine = np.concatenate([swapped, start[:, None]], axis=1)  # [2, 3]
        flags = interpolation | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            image, affine, (self.side, self.side), flags=flags, borderMode=border, borderValue=UNKNOWN
        )


def random_views(
    centre: NDArray[np.float64], side: int, settings: Augmentation, rng: np.random.Generator
) -> tuple[View, View]:
    """Views of frames t and t-1: one of the eight symmetries, at times any angle and scale, and a random motion.

    The second looks a little elsewhere, as if the cells had moved. Without angle and scale every pixel of the crop is
    one of the frame: nothing is interpolated.
    """
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    matrix = np.linalg.matrix_power(quarter, int(rng.integers(4))) @ np.diag([1.0, rng.choice([-1.0, 1.0])])
    if rng.random() < settings.affine:
        angle, zoom = rng.uniform(-np.pi / 4, np.pi / 4), np.exp(rng.uniform(-1, 1) * np.log(settings.zoom))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = matrix @ turn / zoom
        if settings.stretch > 1:
            uneven = np.exp(rng.uniform(-0.5, 0.5) * np.log(settings.stretch))
            matrix = matrix @ np.diag([uneven, 1 / uneven])
    motion = np.zeros(2)
    if rng.random() < settings.moving:
        motion = np.round(rng.normal(0, settings.motion, 2).clip(-3 * settings.motion, 3 * settings.motion))
    return View(matrix, centre, side), View(matrix, centre + motion, side)


def vary_grey(
    frames: Sequence[Frame], labels: Sequence[Labels], settings: Augmentation, rng: np.random.Generator
) -> list[Frame]:
    """Appearance, brightness, contrast, blur, noise and CLAHE, the same for all frames but for the noise.

    Args:
        frames: normalised crops of a sample, float32[H, W] each.
        labels: their cells, int32[H, W] each; a cell has the same label in all.
        settings: how often and how much.
        rng: the source of chance.
    """
    if settings.appearance:
        frames = vary_appearance(frames, labels, settings.appearance, rng)
    gain, shift = np.exp(rng.normal(0, settings.contrast)), rng.normal(0, settings.brightness)
    changed = [frame * np.float32(gain) + np.float32(shift) for frame in frames]
    if rng.random() < settings.clahe:
        limit = rng.uniform(1, 3)
        changed = [_clahe(frame, limit) for frame in changed]
    if rng.random() < settings.blur:
        sigma = rng.uniform(0.3, 1.5)
        changed = [cv2.GaussianBlur(frame, (0, 0), sigma).astype(np.float32, copy=False) for frame in changed]
    if rng.random() < settings.noise:
        strength = rng.uniform(0, 0.1)
        changed = [frame + rng.normal(0, strength, frame.shape).astype(np.float32) for frame in changed]
    return changed


def _clahe(frame: Frame, limit: float) -> Frame:
    """Contrast-limited adaptive histogram equalisation within the frame's own range, half mixed with the original."""
    low, high = float(frame.min()), float(frame.max())
    if high <= low:
        return frame
    levels = np.round((frame - low) / (high - low) * 65535).astype(np.uint16)
    equal = cv2.createCLAHE(clipLimit=limit, tileGridSize=(4, 4)).apply(levels).astype(np.float32)
    return (frame + equal / np.float32(65535) * np.float32(high - low) + np.float32(low)) / np.float32(2)
