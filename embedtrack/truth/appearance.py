"""Random change of a sample's grey values that looks like another microscope, stain or focus."""

from collections.abc import Sequence

import cv2
import numpy as np

from embedtrack.movies.noise import noise
from embedtrack.types import Frame, Labels

GAMMA, GAIN, LEVEL = 0.3, 0.4, 0.15
"""Standard deviations: logarithms of the exponent and of the contrast, and the background's level."""
CELL = 0.35
"""Standard deviation of the logarithm of a cell's own contrast."""
RIM = 2.0
"""Working pixels over which a cell's own contrast fades: no edge may tell where the truth ends."""
LIGHT = 0.4
"""Standard deviation of the logarithm of the uneven light."""
PATCHES, STAIN = (4.0, 12.0), 1.0
"""A cell's texture: its grain in working pixels, and the largest standard deviation of the logarithm of its contrast:
what is dim in Fluo-N2DH-SIM+/02 is a fifth as bright as the rest of its nucleus."""
DEFOCUS, NOISE = 2.5, 0.2
"""The largest blur in working pixels, and the strongest noise in normalised grey values."""
FADED = 8.0
"""The most by which cells fade while the noise stays."""


def vary_appearance(
    frames: Sequence[Frame], labels: Sequence[Labels], often: float, rng: np.random.Generator
) -> list[Frame]:
    """Change the frames of a sample alike, but for the noise; each change by itself as often as asked.

    Args:
        frames: normalised crops, float32[H, W] each.
        labels: their cells, int32[H, W] each; a cell has the same label in all.
        often: the probability of each change.
        rng: the source of chance.
    """
    changed = list(frames)
    if rng.random() < often:
        factors = np.exp(rng.normal(0, CELL, 1 + max(0, *(int(one.max()) for one in labels)))).astype(np.float32)
        changed = [each_cell(frame, one, factors) for frame, one in zip(changed, labels, strict=True)]
    if rng.random() < often:
        field = texture(changed[0].shape, rng.uniform(*PATCHES), rng.uniform(0, STAIN), rng)
        changed = [each_pixel(frame, one, field) for frame, one in zip(changed, labels, strict=True)]
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
        factor = np.exp(rng.uniform(0, np.log(FADED)))
        changed = [fade(frame, factor, noise(plain), rng) for frame, plain in zip(changed, frames, strict=True)]
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
    return each_pixel(frame, labels, factors[np.where(labels > 0, labels, 0)])


def each_pixel(frame: Frame, labels: Labels, factors: Frame) -> Frame:
    """Multiply the contrast to the ground of each pixel of a cell, the change fading out at its rim.

    Args:
        frame: float32[H, W].
        labels: int32[H, W]; 0 and below are no cells.
        factors: float32[H, W].
    """
    inside = labels > 0
    if not inside.any() or inside.all():
        return frame
    ground = np.float32(np.median(frame[~inside]))
    factor = np.where(inside, factors, np.float32(1))
    soft: Frame = cv2.GaussianBlur(factor, (0, 0), RIM).astype(np.float32, copy=False)
    return ground + (frame - ground) * soft


def texture(shape: tuple[int, ...], grain: float, strength: float, rng: np.random.Generator) -> Frame:
    """Smooth random factors around 1, float32[H, W]: a stain that is stronger on one side of a nucleus.

    Args:
        shape: (H, W).
        grain: standard deviation of the blur that makes it smooth, in pixels.
        strength: standard deviation of the factors' logarithm.
        rng: the source of chance.
    """
    field = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), grain)
    factors: Frame = np.exp(field * np.float32(strength / max(float(field.std()), 1e-6))).astype(np.float32, copy=False)
    return factors


def fade(frame: Frame, factor: float, sigma: float, rng: np.random.Generator) -> Frame:
    """A frame float32[H, W] whose cells stand out less by a factor of 1 and above, while its noise stays at sigma."""
    ground = np.float32(np.median(frame))
    kept = ground + (frame - ground) / np.float32(factor)
    return kept + rng.normal(0, sigma * np.sqrt(1 - factor**-2), frame.shape).astype(np.float32)


def light(coarse: Frame, shape: tuple[int, ...]) -> Frame:
    """Few brightnesses float32[m, n] spread smoothly over a crop: float32[H, W]."""
    height, width = shape
    field: Frame = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
    return field
