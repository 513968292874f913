"""What a teacher adds to the loss."""

import pytest
import torch

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.distil import BANDWIDTH, OFFSET, SEEDINESS, SHIFT, Teacher, distillation
from embedtrack.methods.embedtrack.maps import Maps
from tests.methods.embedtrack.test_slim import network


def maps(seediness: float = 1.0, frames: int = 1) -> Maps[torch.Tensor]:
    """Of frames of 2 x 4, whose right half is a cell."""
    seed = torch.zeros(frames, 2, 4)
    seed[..., 2:] = seediness
    return Maps(torch.zeros(frames, 2, 2, 4), torch.full((frames, 2, 2, 4), 0.5), seed, torch.zeros(frames, 2, 2, 4))


def test_equal_maps_are_no_distance_apart():
    assert distillation(maps(), maps(), 1 / 8) == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"offset": 3 / 8}, OFFSET * 2.5 / 2),  # y is three pixels off, x not: 3 - 1/2 by Huber
        ({"shift": 0.5 / 8}, SHIFT * 0.125 / 2),  # half a pixel: 1/2 (1/2)^2
        ({"bandwidth": 0.1}, BANDWIDTH * 0.1 / 2),
        ({"seediness": 0.5}, SEEDINESS * 0.25 / 2),  # of one half of all pixels
    ],
)
def test_each_map_counts_by_hand(change: dict[str, float], expected: float):
    pupil = maps()
    ((name, by),) = change.items()
    part = getattr(pupil, name)
    if name == "seediness":
        part[..., 2:] -= by
    else:
        part[:, 0] += by  # the ground is as wrong, and nobody asks
    assert distillation(pupil, maps(), 1 / 8).item() == pytest.approx(expected)


def test_vectors_of_ground_count_nothing_and_a_frame_without_cells_has_no_distance():
    pupil = maps(0.0)
    pupil.offset.add_(1)
    pupil.bandwidth.add_(0.3)
    assert distillation(pupil, maps(0.0), 1 / 8) == 0


def test_the_frame_before_has_no_tracking_offset():
    before = maps()._replace(shift=torch.zeros(0, 2, 2, 4))
    assert distillation(before, before, 1 / 8) == 0


def test_a_teacher_says_what_the_network_says_and_learns_nothing():
    teacher: BranchedERFNet = network((4, 8, 16))
    now, before = torch.randn(2, 2, 1, 16, 24)
    said = Teacher(teacher)(now, before, torch.float32)
    for mine, theirs in zip(said, teacher(now, before), strict=True):
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(mine, theirs, strict=True))
        assert not any(part.requires_grad for part in mine)
