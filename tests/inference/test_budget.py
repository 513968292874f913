import numpy as np
import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.inference import budget as budgets
from embedtrack.inference.budget import (
    CELLS,
    LABELS,
    MAPS,
    ORIGINS,
    PROGRAM,
    RESIZED,
    RIVALS,
    SEEN,
    WRITTEN,
    Budget,
    budget,
)
from embedtrack.inference.segmenter import Segmenter
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model import Model
from embedtrack.options import Options

PIXELS = 1000**2
FRAMES = 64 * 400 * (LABELS + ORIGINS + MAPS + SEEN + CELLS)
"""What two frames of 64 x 400 need besides tiles."""


def share(bound: int, frames: int | None = 1) -> Budget:
    return budget(bound, (1000, 1000), (1000, 1000), frames, per_pixel=400)


def test_what_is_left_is_for_tiles():
    used = PROGRAM + PIXELS * (MAPS + SEEN + CELLS)
    assert share(used + 512**2 * 400) == Budget(512**2 * 400, in_turn=False)


def test_stages_take_turns_before_tiles_become_small():
    assert share(PROGRAM + PIXELS * (MAPS + SEEN + CELLS)) == Budget(PIXELS * (SEEN + CELLS), in_turn=True)


def test_frames_that_are_not_final_count():
    roomy = 4 << 30
    assert share(roomy, 1).tiles - share(roomy, 3).tiles == (2 * (LABELS + ORIGINS) + RIVALS) * PIXELS
    assert share(roomy, 15).tiles - share(roomy, 17).tiles == 2 * (LABELS + RIVALS) * PIXELS
    assert share(roomy, None) == share(roomy, 10**6)


def test_older_frames_are_deflated_where_they_are_large():
    side = (2000, 2000)
    few, many = (budget(4 << 30, side, side, frames, per_pixel=400) for frames in (11, 22))
    assert few.tiles - many.tiles == 4 * PIXELS * (6 + WRITTEN)  # 11 frames of half a byte


def test_two_frames_of_8192_fit_4_gigabytes():
    side = (8192, 8192)
    assert budget(4 << 30, side, side, 2, per_pixel=400).in_turn
    with pytest.raises(ValueError, match="expected --memory"):
        budget(3 << 30, side, side, 2, per_pixel=400)


def test_maps_at_the_scale_of_the_frame_count_too():
    side = (2000, 2000)
    same, smaller = (budget(4 << 30, side, working, 1, per_pixel=400) for working in (side, (500, 500)))
    assert smaller.tiles - same.tiles == 4 * PIXELS * (MAPS + SEEN - RESIZED) - 2 * MAPS * PIXELS // 4


def test_too_little_says_how_much_is_needed():
    with pytest.raises(
        ValueError, match=r"expected --memory [56][0-9]+M at least for frames of 1000 x 1000 pix"
    ) as error:
        share(PROGRAM)
    least = int(str(error.value).split()[2].rstrip("M"))
    assert share(least << 20).in_turn
    with pytest.raises(ValueError, match="give it more"):
        share((least - 1) << 20)


def found(network: BranchedERFNet, images: np.ndarray, **options: int) -> tuple[list[torch.Tensor], dict[str, object]]:
    segmenter = Segmenter(Model(network, ModelConfig()), Options(views=1, device="cpu", **options))
    return [frame.cells.labels for frame in segmenter.movie(list(images))], dict(segmenter.used())


@pytest.mark.parametrize("in_turn", [False, True])
def test_a_bound_means_tiles_and_masks_are_those_of_such_tiles(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch, in_turn: bool
):
    images = np.random.default_rng(0).integers(0, 255, (2, 64, 400), np.uint8)
    monkeypatch.setattr(budgets, "COMFORTABLE", 1 << 40 if in_turn else 1)
    room = 400 * 256**2 if in_turn else 400 * 280 * 64
    monkeypatch.setattr(budgets, "PROGRAM", (1 << 30) - FRAMES - room)
    bounded, used = found(network, images, memory=1 << 30)
    tiled, same = found(network, images, tile=256)
    if not in_turn:
        assert used == same == {"tiles": 2, "tile": [64, 256]}
        np.testing.assert_array_equal(bounded, tiled)
    assert len(bounded) == 2


def test_a_tile_that_does_not_fit(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(budgets, "PROGRAM", (1 << 30) - FRAMES - 400 * 280 * 64)
    monkeypatch.setattr(budgets, "COMFORTABLE", 1)
    with pytest.raises(ValueError, match=r"expected --tile 2[0-9]+ at most with --memory 1024M, got 400"):
        found(network, np.zeros((1, 64, 400), np.uint8), memory=1 << 30, tile=400)
