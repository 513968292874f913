"""Random change of a pair's grey values that looks like another microscope, stain or focus."""

from collections.abc import Sequence

import cv2
import numpy as np

from embedtrack.types import Frame, Labels

GAMMA, GAIN, LEVEL = 0.3, 0.4, 0.15
"""Standard deviations: logarithms of the exponent and of the contrast, and the background's level."""
CELL = 0.35
"""Standard deviation of the logarithm of a cell's own contrast."""
RIM = 2.0
"""Working pixels over which a cell's own contrast fades: no edge may tell where the truth ends."""
LIGHT = 0.4
"""Standard deviation of the logarithm of the uneven light."""
DEFOCUS, NOISE = 2.5, 0.2
"""The largest blur in working pixels, and the strongest noise in normalised grey values."""


def vary_appearance(
    frames: Sequence[Frame], labels: Sequence[Labels], often: float, rng: np.random.Generator
) -> list[Frame]:
    """Change the frames of a pair alike, but for the noise; each change by itself as often as asked.

    Args:
        frames: normalised crops, float32[H, W] each.
        labels: their cells, int32[H, W] each; a cell has the same label in both.
        often: the probability of each change.
        rng: the source of chance.
    """
    changed = list(frames)
    if rng.random() < often:
        factors = np.exp(rng.normal(0, CELL, 1 + max(0, *(int(one.max()) for one in labels)))).astype(np.float32)
        changed = [each_cell(frame, one, factors) for frame, one in zip(changed, labels, strict=True)]
    if rng.random() < often:
        power = np.float32(np.exp(rng.normal(0, GAMMA)))
        changed = [np.sign(frame) * np.abs(frame) ** power for frame in changed]
    if rng.random() < often:
        gain, level = np.float32(np.exp(rng.normal(0, GAIN))), np.float32(rng.normal(0, LEVEL))
        changed = [frame * gain + level for frame in changed]
    if rng.random() < often:
        coarse = np.exp(rng.normal(0, LIGHT, (3, 3))).astype(np.float32)
        changed = [frame * light(coarse, frame.shape) for frame in changed]
    if rng.random() < often:
        sigma = rng.uniform(0.5, DEFOCUS)
        changed = [cv2.GaussianBlur(frame, (0, 0), sigma).astype(np.float32, copy=False) for frame in changed]
    if rng.random() < often:
        strength = rng.uniform(0, NOISE)
        changed = [frame + rng.normal(0, strength, frame.shape).astype(np.float32) for frame in changed]
    return changed


def each_cell(frame: Frame, labels: Labels, factors: Frame) -> Frame:
    """Multiply each cell's contrast to the ground by the factor of its label; what is no cell stays as it is.

    Args:
        frame: float32[H, W].
        labels: int32[H, W]; 0 and below are no cells.
        factors: float32[n], one for each label.
    """
    inside = labels > 0
    if not inside.any() or inside.all():
        return frame
    ground = np.float32(np.median(frame[~inside]))
    factor = np.where(inside, factors[np.where(inside, labels, 0)], np.float32(1))
    soft: Frame = cv2.GaussianBlur(factor, (0, 0), RIM).astype(np.float32, copy=False)
    return ground + (frame - ground) * soft


def light(coarse: Frame, shape: tuple[int, ...]) -> Frame:
    """Few brightnesses float32[m, n] spread smoothly over a crop: float32[H, W]."""
    height, width = shape
    field: Frame = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
    return field
