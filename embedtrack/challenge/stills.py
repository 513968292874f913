"""Annotated single images: ``images/NAME.tif`` with the labels ``masks/NAME.tif``; each is a movie of one frame."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge import layout
from embedtrack.types import Labels

IMAGES, MASKS = "images", "masks"
MEASURING_ONLY = frozenset({"BBBC010"})
"""Data sets whose terms are not known: none of them may be in weights that ship."""

Part = Literal["training", "validation", "held back"]


class Still(NamedTuple):
    """One annotated image."""

    name: str
    """``DATASET/NAME``."""
    image: Path
    masks: Path

    def read(self) -> tuple[NDArray[np.generic], Labels]:
        """Grey values [H, W] and labels int32[H, W].

        Raises:
            ValueError: a file is damaged, or the two have different shapes.
        """
        grey, labels = layout.read_frame(self.image), layout.read_labels(self.masks)
        if grey.shape != labels.shape:
            raise ValueError(
                f"{self.masks}: expected masks of shape {grey.shape} as in {self.image}, got {labels.shape}"
            )
        return grey, labels


def has_stills(dataset: Path) -> bool:
    """Whether a data set is a folder of single images."""
    return (dataset / IMAGES).is_dir() and (dataset / MASKS).is_dir()


def open_stills(dataset: Path) -> list[Still]:
    """The annotated images of a data set.

    Raises:
        ValueError: there are none, or an image has no masks.
    """
    images = sorted((dataset / IMAGES).glob("*.tif"))
    if not images:
        raise ValueError(f"expected images like {dataset / IMAGES / 'NAME.tif'}, found none; check the path")
    found = [Still(f"{dataset.resolve().name}/{image.stem}", image, dataset / MASKS / image.name) for image in images]
    bare = [still.masks for still in found if not still.masks.is_file()]
    if bare:
        raise ValueError(f"expected masks for each image, found none for {len(bare)}: {bare[0]} is the first missing")
    return found


def shuffled(stills: Sequence[Still]) -> list[Still]:
    """In an order that follows from their names alone: the last ones are like the first ones."""
    return sorted(stills, key=lambda still: hashlib.blake2b(still.name.encode()).hexdigest())


def part_of(name: str) -> Part:
    """Whether an image ``DATASET/NAME`` trains, validates (one in ten), or is held back to be measured (a fifth).

    By a hash of its name, so that it is the same everywhere and whatever else is there.
    """
    digit = int(hashlib.blake2b(name.encode()).hexdigest(), 16) % 10
    return "held back" if digit < 2 else "validation" if digit == 2 else "training"
