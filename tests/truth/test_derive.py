from pathlib import Path

import numpy as np
import pytest

from embedtrack.movies.settings import FLUORESCENCE, Normalisation
from embedtrack.recipe import Augmentation, Recipe, Sampling
from embedtrack.training.batches import large_crops
from embedtrack.truth.derive import LOOKS, derive, measure
from embedtrack.types import Track
from tests.drawings import Toy, draw, moving, write_movie


def test_measures_of_the_moving_toy(tmp_path: Path):
    """Discs of radius 7, which move 5 and 6 pixels a frame."""
    seen = measure([write_movie(moving(), tmp_path / "toy")])
    assert seen.diameters == pytest.approx([14] * 12, abs=0.5)
    assert seen.extents == pytest.approx([15 * 2**0.5] * 12)
    assert sorted(seen.motions) == [5] * 5 + [6] * 5


def test_what_a_recipe_does_not_set_follows_from_the_movie(tmp_path: Path):
    folder = write_movie(moving(), tmp_path / "toy")
    recipe = derive(Recipe(), [folder])
    assert recipe.scale == 2
    assert recipe.pixel_size == 1 / 255
    assert recipe.augmentation.motion == 12
    rest = {"augmentation": Augmentation(motion=3), "normalisation": Normalisation()}
    fixed = Recipe(scale=1, sampling=Sampling(crop=40), pixel_size=1 / 100, **rest)
    assert derive(fixed, [folder]) == fixed


def test_bright_cells_vary_in_appearance_unless_the_recipe_says_how_much(tmp_path: Path):
    folder = write_movie(moving(), tmp_path / "toy")
    for known, normalisation, expected in (
        (Augmentation(), FLUORESCENCE, LOOKS),
        (Augmentation(appearance=0.0), FLUORESCENCE, 0.0),
        (Augmentation(), Normalisation(), 0.0),
    ):
        recipe = derive(Recipe(augmentation=known, normalisation=normalisation), [folder])
        assert recipe.augmentation.appearance == expected


def test_small_frames_are_seen_whole(tmp_path: Path):
    """Frames of 96 x 160 working pixels: crops are no larger."""
    recipe = derive(Recipe(), [write_movie(moving(), tmp_path / "toy")])
    assert recipe.sampling.crop == 160
    assert large_crops(recipe, 160) == (160, 4)
    assert large_crops(Recipe(), 600) == (512, 1)
    assert large_crops(Recipe(), 345) == (352, 2)


def test_long_cells_need_a_wide_grid_and_large_crops(tmp_path: Path):
    frame = draw((300, 700), {1: ((150, 350), (3, 340)), 2: ((40, 40), 9)})
    recipe = derive(
        Recipe(scale=1), [write_movie(Toy(np.stack([frame]), [Track(1, 0, 0, 0), Track(2, 0, 0, 0)]), tmp_path)]
    )
    assert (recipe.pixel_size, recipe.sampling.crop) == (1 / 511, 512)


def test_long_cells_are_seen_smaller(tmp_path: Path):
    """Rods of 40 x 4 pixels, and one of 400 in three: typical cells want twice the size, the long one a half of it."""
    short = {label: ((20 + 12 * label, 60), (1.5, 20)) for label in range(1, 3)}
    for name, cells, scale, zoom in (
        ("short", short, 2, 1.2),
        ("long", short | {3: ((80, 220), (1.5, 200))}, 0.5, 1.6),
    ):
        frame = draw((100, 440), cells)
        tracks = [Track(label, 0, 0, 0) for label in cells]
        recipe = derive(Recipe(), [write_movie(Toy(np.stack([frame]), tracks), tmp_path / name)])
        assert (recipe.scale, recipe.augmentation.zoom) == (scale, zoom)
