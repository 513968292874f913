import math

import numpy as np
import pytest
import torch

from embedtrack.config import Recipe, Sampling
from embedtrack.methods.embedtrack import method
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.distil import Distilling, Losses, difference
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.predict import Predictor, plan_tiles
from embedtrack.methods.embedtrack.samples import Batch
from embedtrack.truth.reading import read_annotated
from tests.drawings import moving, write_movie

RECIPE = Recipe(sampling=Sampling(crop=48), distil=3.0)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    movie = read_annotated(write_movie(moving(), tmp_path_factory.mktemp("toy")), RECIPE.normalisation)
    return method.batch([movie], RECIPE, 48, [np.random.default_rng(seed) for seed in range(2)])


def network(seed: int, *, says: bool = True) -> BranchedERFNet:
    """Random weights; an untrained output layer says the same of every pixel, whatever the view."""
    torch.manual_seed(seed)
    made = BranchedERFNet()
    made.start_at(7, RECIPE.pixel_size)
    for layer in (made.segmentation[-1], made.seediness[-1]) if says else ():
        torch.nn.init.normal_(layer.weight, std=0.02)
    return made.eval()


def losses(student: BranchedERFNet, teacher: BranchedERFNet, batch: Batch) -> Losses:
    return Distilling(teacher, "float32").loss(student, batch, RECIPE, torch.float32)


def test_differences_by_hand():
    """Two of four pixels are a cell's, S = e^2 along y and e^0 along x."""
    zero, half = torch.zeros(1, 2, 2, 2), torch.full((1, 2, 2), 0.5)
    bandwidth = torch.tensor([0.2, 0.0])[None, :, None, None].expand(1, 2, 2, 2)
    offset = zero.clone()
    offset[0, :, 0, 0] = torch.tensor([0.1, 0.3])
    offset[0, :, 1, 1] = 7.0  # no cell is there
    wider = bandwidth.clone()
    wider[0, 1, 0, 1] += 0.04
    brighter = half.clone()
    brighter[0, 1, 1] = 0.7
    cell = torch.tensor([[[True, True], [False, False]]])
    term = difference(Maps(offset, wider, brighter, zero), Maps(zero, bandwidth, half, zero), cell)
    offsets, bandwidths = (math.exp(2) * 0.1**2 + 0.3**2) / 2, (10 * 0.04) ** 2 / 2 / 2
    assert term.item() == pytest.approx(offsets + bandwidths + 10 * 0.2**2 / 4, rel=1e-5)


def test_without_cells_seediness_alone_counts():
    zero = torch.zeros(1, 2, 2, 2)
    student, teacher = Maps(zero + 1, zero + 1, zero[:, 0] + 0.5, zero), Maps(zero, zero, zero[:, 0], zero)
    assert difference(student, teacher, torch.zeros(1, 2, 2, dtype=torch.bool)).item() == pytest.approx(2.5)


def test_the_teacher_is_the_network_in_eight_views(batch: Batch):
    teacher = network(0)
    maps = Distilling(teacher, "float32").maps(batch.now)
    for number, frame in enumerate(batch.now):
        expected = Predictor(teacher, plan_tiles((48, 48), 2048), views=8)(frame[0].numpy())
        for found, wanted in zip(maps[:3], expected[:3], strict=True):
            np.testing.assert_allclose(found[number], wanted, atol=1e-6)
    assert not maps.shift.any()


def test_nothing_is_learnt_where_all_views_agree(batch: Batch):
    same = network(0, says=False)
    assert losses(same, same, batch).distil.item() == pytest.approx(0, abs=1e-9)
    assert losses(network(0), network(0), batch).distil.item() > 1e-3


def test_the_student_alone_learns(batch: Batch):
    student, teacher = network(1), network(2)
    found = losses(student, teacher, batch)
    usual = method.loss(student, batch, RECIPE, torch.float32)
    assert found.total.item() == pytest.approx(usual.total.item() + 3 * found.distil.item(), rel=1e-5)
    found.distil.backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    for name, parameter in student.named_parameters():
        assert (parameter.grad is None) == name.startswith("tracking."), name


def test_the_norms_keep_what_the_teacher_knew(batch: Batch):
    student = network(0)
    before = {name: value.clone() for name, value in student.named_buffers()}
    losses(student.train(), network(0), batch)
    assert all(torch.equal(value, before[name]) for name, value in student.named_buffers())
