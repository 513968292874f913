import numpy as np
import pytest
import torch
from torch import Tensor

from embedtrack.methods.embedtrack.loss import embedtrack_loss, segmentation_losses, tracking_loss
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED, Cells
from tests.drawings import STEP, disc

SHAPE = (24, 32)


def cells_of(frames: list[dict[tuple[float, float], float]], ignored: bool = False) -> Cells:
    """Discs (centre -> radius) of each frame as instances, the last drawn in front."""
    instances = np.full((len(frames), *SHAPE), BACKGROUND)
    centres, images = [], []
    for image, frame in enumerate(frames):
        for centre, radius in frame.items():
            instances[image][disc(SHAPE, centre, radius)] = len(centres)
            centres.append(centre)
            images.append(image)
    if ignored:
        instances[:, :3] = IGNORED
    return Cells(
        torch.from_numpy(instances),
        torch.tensor(centres, dtype=torch.float64).reshape(-1, 2) * STEP,
        torch.tensor(images, dtype=torch.int64),
        torch.zeros(len(images), dtype=torch.bool),
    )


def random_maps(frames: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Maps[Tensor]:
    """Offsets of some pixels, bandwidths around a radius of 8 pixels; leaves that can be differentiated."""
    chance = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float, mean: float = 0.0) -> Tensor:
        values = torch.randn(shape, generator=chance, dtype=torch.float64) * scale + mean
        return values.to(dtype).requires_grad_()

    return Maps(
        normal(frames, 2, *SHAPE, scale=5 * STEP),
        normal(frames, 2, *SHAPE, scale=0.05, mean=0.65),
        normal(frames, *SHAPE, scale=0.1, mean=0.5),
        normal(frames, 2, *SHAPE, scale=5 * STEP),
    )


def slow_hinge(position: Tensor, instances: Tensor, member: int, centre: Tensor, sharpness: Tensor) -> Tensor:
    """The Lovász hinge of one instance over all pixels of its frame, step by step as Berman et al. print it."""
    valid = instances != IGNORED
    d = torch.exp(-sum(sharpness[k] * (position[k][valid] - centre[k]) ** 2 for k in range(2)))
    truth = (instances[valid] == member).double()
    errors, order = torch.sort(1 - (2 * d - 1) * (2 * truth - 1), descending=True)
    truth = truth[order]
    jaccard = 1 - (truth.sum() - truth.cumsum(0)) / (truth.sum() + (1 - truth).cumsum(0))
    return (torch.relu(errors) * torch.diff(jaccard, prepend=torch.zeros(1))).sum()


def slow_losses(maps: Maps[Tensor], cells: Cells) -> tuple[Tensor, ...]:
    """The four parts, frame by frame, instance by instance."""
    y, x = (a.double() * STEP for a in torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij"))
    parts: list[list[Tensor]] = []
    for image in range(len(cells.instances)):
        instances = cells.instances[image]
        grid = torch.stack([y, x])
        position, moved = maps.offset[image] + grid, maps.shift[image] + grid
        per_instance: list[list[Tensor]] = []
        for member in torch.nonzero(cells.images == image).flatten().tolist():
            mask, centre = instances == member, cells.centres[member]
            b = maps.bandwidth[image][:, mask]
            s = torch.exp(10 * b.mean(dim=1))
            d = torch.exp(-(s[:, None] * (position[:, mask] - centre[:, None]) ** 2).sum(dim=0))
            per_instance.append(
                [
                    slow_hinge(position, instances, member, centre, s),
                    ((b - b.mean(dim=1, keepdim=True)) ** 2).mean(),
                    ((maps.seediness[image][mask] - d.detach()) ** 2).mean(),
                    slow_hinge(moved, instances, member, centre, s.detach()),
                ]
            )
        ground = maps.seediness[image][instances == BACKGROUND]
        means = [sum(values) / len(values) for values in zip(*per_instance, strict=True)] or [torch.zeros(())] * 4
        means[2] = means[2] + ((ground**2).mean() if len(ground) else 0)
        parts.append(means)
    return tuple(sum(values) / len(values) for values in zip(*parts, strict=True))


SCENES = {
    "no cell": [{}],
    "one cell": [{(11, 15): 6}],
    "a cell of one pixel": [{(11, 15): 0.5, (4, 25): 5}],
    "touching cells": [{(11, 10): 6, (11, 21): 6, (20, 28): 4}],
    "cell and empty frame": [{(11, 15): 6}, {}],
    "cells of different numbers": [{(11, 15): 6}, {(6, 7): 5, (15, 20): 7, (3, 28): 3}],
    "centre outside": [{(-3, 15): 9, (12, 34): 7}],
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("ignored", [False, True])
def test_agrees_with_the_slow_reference(scene: str, ignored: bool):
    cells = cells_of(SCENES[scene], ignored)
    maps = random_maps(len(SCENES[scene]))
    fast = (*segmentation_losses(maps, cells, STEP), tracking_loss(maps, cells, STEP))
    for found, expected in zip(fast, slow_losses(maps, cells), strict=True):
        assert abs(float(found.detach()) - float(expected.detach())) < 1e-9


def test_single_precision_is_near_double():
    cells = cells_of(SCENES["cells of different numbers"])
    double, single = random_maps(2), random_maps(2, dtype=torch.float32)
    low = cells._replace(centres=cells.centres.float())
    for exact, near in zip(
        segmentation_losses(double, cells, STEP), segmentation_losses(single, low, STEP), strict=True
    ):
        assert near.item() == pytest.approx(exact.item(), abs=1e-3)


def test_gradcheck():
    cells = cells_of([{(3, 3): 2}, {(4, 3): 2, (2, 7): 1}])
    small = cells._replace(instances=cells.instances[:, :7, :9].contiguous())
    chance = torch.Generator().manual_seed(1)
    shape = (2, 2, 7, 9)
    inputs = [torch.randn(shape, generator=chance, dtype=torch.float64) * 2 * STEP for _ in range(2)]
    inputs.insert(1, torch.rand(shape, generator=chance, dtype=torch.float64) * 0.1 + 0.7)
    inputs.insert(2, torch.rand((2, 7, 9), generator=chance, dtype=torch.float64))
    leaves = [value.requires_grad_() for value in inputs]

    def hinge_and_variance(*values: Tensor) -> tuple[Tensor, Tensor]:
        instance, variance, _ = segmentation_losses(Maps(*values), small, STEP)
        return instance, variance

    assert torch.autograd.gradcheck(hinge_and_variance, leaves)
    fixed = [
        leaf.detach() for leaf in leaves
    ]  # the bandwidth's gradient is stopped on purpose, so is the seed's target
    assert torch.autograd.gradcheck(lambda shift: tracking_loss(Maps(*fixed[:3], shift), small, STEP), leaves[3:])
    assert torch.autograd.gradcheck(
        lambda seed: segmentation_losses(Maps(fixed[0], fixed[1], seed, fixed[3]), small, STEP)[2], leaves[2:3]
    )


def test_gradients_that_are_stopped():
    cells, maps = cells_of(SCENES["one cell"]), random_maps(1)
    tracking_loss(maps, cells, STEP).backward()
    assert maps.bandwidth.grad is None
    assert maps.shift.grad.abs().sum() > 0
    seed = segmentation_losses(maps, cells, STEP)[2]
    seed.backward()
    assert maps.offset.grad is None or not maps.offset.grad.any()


def test_perfect_maps_cost_next_to_nothing():
    cells = cells_of(SCENES["touching cells"])
    y, x = (a.double() * STEP for a in torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij"))
    inside = cells.instances >= 0
    centre = cells.centres[cells.instances.clamp(min=0)].movedim(-1, 1)  # [B, H, W, 2] -> [B, 2, H, W]
    offset = torch.where(inside[:, None], centre - torch.stack([y, x]), torch.full_like(centre, 0.9))
    maps = Maps(offset, torch.full_like(offset, 0.95), inside.double(), offset)
    losses = embedtrack_loss(maps, maps, cells, cells, cells, STEP)
    assert losses.total.item() < 1e-6


def test_a_cell_that_points_elsewhere_costs_more():
    cells, maps = cells_of(SCENES["one cell"]), random_maps(1)
    right = tracking_loss(maps, cells, STEP)
    wrong = tracking_loss(maps._replace(shift=maps.shift + 12 * STEP), cells, STEP)
    assert wrong > right


def test_without_predecessor_no_tracking_loss():
    nothing = cells_of([{}])
    maps = random_maps(1)
    loss = tracking_loss(maps, nothing, STEP)
    loss.backward()
    assert loss.item() == 0
    assert maps.shift.grad is None or not maps.shift.grad.any()


def test_sisters_are_one_instance_at_the_mother():
    """Both daughters point exactly at the mother: as one instance that is perfect, as two each sees false pixels."""
    mother = torch.tensor([[12.0, 16.0]], dtype=torch.float64) * STEP
    left, right = disc(SHAPE, (12, 9), 4), disc(SHAPE, (12, 23), 4)
    y, x = (a.double() * STEP for a in torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij"))
    inside = torch.from_numpy(left | right)
    to_mother = mother[0][:, None, None] - torch.stack([y, x])
    shift = torch.where(inside, to_mother, torch.full_like(to_mother, 0.9))[None]
    maps = random_maps(1)._replace(shift=shift)
    one = torch.where(inside, 0, BACKGROUND)[None]
    together = Cells(one, mother, torch.zeros(1, dtype=torch.int64), torch.tensor([False]))
    two = one.clone()
    two[0][torch.from_numpy(right)] = 1
    apart = Cells(two, mother.repeat(2, 1), torch.zeros(2, dtype=torch.int64), torch.tensor([False, False]))
    assert tracking_loss(maps, together, STEP).item() < 1e-6
    assert tracking_loss(maps, apart, STEP).item() > 0.5


def test_an_empty_field_still_teaches():
    """All background: false seeds must cost something, or empty fields fill with cells."""
    maps = random_maps(1)
    nothing = cells_of([{}])
    total = embedtrack_loss(maps, maps, nothing, nothing, nothing, STEP).total
    total.backward()
    assert total.item() > 0.1
    assert maps.seediness.grad.abs().min() > 0


def partial_cell(maps: Maps[Tensor], radius: float = 3) -> tuple[Tensor, Tensor, Tensor]:
    """The losses of a frame with one cell of which a marker in its middle is known, and nothing else around it."""
    cells = cells_of([{(11, 15): radius}])
    cells.instances[cells.instances == BACKGROUND] = IGNORED
    return segmentation_losses(maps, cells._replace(partial=torch.tensor([True])), STEP)


def test_a_marker_teaches_no_size():
    """Neither hinge nor seed nor variance moves the mean bandwidth of the marker's pixels, whatever it is."""
    maps = random_maps(1)
    instance, variance, seed = partial_cell(maps)
    (instance + 10 * variance + seed).backward()
    assert maps.offset.grad.any()
    assert maps.bandwidth.grad.any()  # they shall be alike
    np.testing.assert_allclose(maps.bandwidth.grad.sum(dim=(0, 2, 3)), 0, atol=1e-12)


def test_a_marker_says_that_a_cell_is_there():
    """Near its middle is near enough, and more seediness than asked for is right; less is not."""
    y, x = (a.double() * STEP for a in torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij"))
    centre = torch.tensor([11.0, 18.0], dtype=torch.float64) * STEP  # three pixels beside the marker's middle
    offset = (centre[:, None, None] - torch.stack([y, x]))[None]
    sharpness = np.log(2) / (4 * STEP) ** 2  # d = 1/2 at four pixels
    bandwidth = torch.full_like(offset, np.log(sharpness) / 10)
    high = Maps(offset, bandwidth, torch.full((1, *SHAPE), 0.9, dtype=torch.float64), offset)
    low = high._replace(seediness=high.seediness * 0 + 0.1)
    assert sum(partial_cell(high)).item() < 1e-9
    assert partial_cell(low)[2].item() > 0.2
    far = high._replace(offset=offset + 8 * STEP)
    assert partial_cell(far)[0].item() > 0.5


def test_markers_weigh_less_than_whole_cells():
    cells, maps = cells_of([{(11, 10): 5, (11, 21): 5}]), random_maps(1)
    exclusive = [segmentation_losses(maps, cells_of([{centre: 5}]), STEP)[1] for centre in ((11, 10), (11, 21))]
    both = segmentation_losses(maps, cells._replace(partial=torch.tensor([False, True])), STEP)[1]
    assert both.item() == pytest.approx((exclusive[0].item() + 0.2 * exclusive[1].item()) / 1.2)
