import numpy as np
import pytest
import torch

from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedseg.loss import embedseg_loss, seed_loss_of_pixels
from embedtrack.methods.embedtrack.loss import embedtrack_loss
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED, Cells

STEP = 1 / 10


def some(seed: int = 0) -> tuple[Maps[torch.Tensor], Cells]:
    """Two crops of 6 x 7 with two cells and some pixels of which nothing is known."""
    chance = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=chance, dtype=torch.float64)

    maps = Maps(random(2, 2, 6, 7) - 0.5, random(2, 2, 6, 7), random(2, 6, 7), torch.zeros(0, 2, 6, 7))
    instances = torch.full((2, 6, 7), BACKGROUND)
    instances[0, 1:4, 1:5], instances[1, 2:5, 3:6], instances[1, 0] = 0, 1, IGNORED
    centres = torch.tensor([[0.2, 0.3], [0.3, 0.4]], dtype=torch.float64)
    return maps, Cells(instances, centres, torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool))


def test_the_seed_loss_of_pixels_is_the_sum_over_them():
    maps, cells = some()
    expected = 0.0
    for b in range(2):
        mean = maps.bandwidth[b][:, cells.instances[b] == b].mean(dim=1)
        for y in range(6):
            for x in range(7):
                s = float(maps.seediness[b, y, x])
                if cells.instances[b, y, x] == BACKGROUND:
                    expected += s**2
                elif cells.instances[b, y, x] == b:
                    away = torch.tensor([y, x]) * STEP + maps.offset[b, :, y, x] - cells.centres[b]
                    expected += 10 * (s - float(torch.exp(-(torch.exp(10 * mean) * away**2).sum()))) ** 2
    assert float(seed_loss_of_pixels(maps, cells, STEP, 10.0)) == pytest.approx(expected / (2 * 6 * 7))


def test_only_the_seediness_learns_from_it():
    maps, cells = some()
    for part in maps[:3]:
        part.requires_grad_()
    seed_loss_of_pixels(maps, cells, STEP, 10.0).backward()
    assert maps.seediness.grad is not None
    assert maps.offset.grad is None
    assert maps.bandwidth.grad is None
    assert torch.autograd.gradcheck(
        lambda s: seed_loss_of_pixels(maps._replace(seediness=s), cells, STEP, 10.0),
        maps.seediness.detach().requires_grad_(),
    )


def test_ours_is_embedtracks_of_a_frame():
    """EmbedTrack's loss of a pair of equal frames, without the tracking, is twice as much."""
    maps, cells = some()
    ours = embedseg_loss(maps, cells, EmbedSegConfig(), STEP, 10.0)
    links = Cells(torch.full((2, 6, 7), BACKGROUND), cells.centres[:0], cells.images[:0], cells.partial[:0])
    pair = maps._replace(shift=torch.zeros(2, 2, 6, 7, dtype=torch.float64))
    both = embedtrack_loss(pair, pair, cells, cells, links, STEP)
    assert [2 * float(part) for part in ours] == pytest.approx([float(part) for part in both[:4]])
    published = embedseg_loss(maps, cells, EmbedSegConfig(seed_loss="pixels", foreground_weight=10), STEP, 10.0)
    assert float(published.seed) == pytest.approx(float(seed_loss_of_pixels(maps, cells, STEP, 10.0)))
    assert float(published.instance) == float(ours.instance)


def test_a_crop_without_cells_teaches_that_it_is_empty():
    maps, _ = some()
    nothing = Cells(
        torch.full((2, 6, 7), BACKGROUND),
        torch.zeros(0, 2, dtype=torch.float64), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool),
    )  # fmt: skip
    for settings in (EmbedSegConfig(), EmbedSegConfig(seed_loss="pixels", foreground_weight=10)):
        losses = embedseg_loss(maps, nothing, settings, STEP, 10.0)
        assert float(losses.total) == pytest.approx(float(np.square(maps.seediness.numpy()).mean()))
