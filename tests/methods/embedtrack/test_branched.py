import math

import pytest
import torch
from torch import nn

from embedtrack.methods.embedtrack.branched import BranchedERFNet, bandwidth_of_radius, precision
from embedtrack.methods.embedtrack.loss import embedtrack_loss
from tests.drawings import STEP
from tests.methods.embedtrack.test_loss import cells_of


def test_parameters():
    """Encoder 2 x (3x3 + pool), 5 + 8 blocks; three decoders: about 2.5 million, as the paper's network."""
    network = BranchedERFNet()
    block = {c: 2 * (3 * c * c + c) * 2 + 2 * 2 * c for c in (16, 64, 128)}  # 4 convolutions, 2 norms
    encoder = (1 * 15 * 9 + 15 + 32) + (16 * 48 * 9 + 48 + 128) + (64 * 64 * 9 + 64 + 256)
    encoder += 5 * block[64] + 8 * block[128]

    def decoder(inputs: int, outputs: int) -> int:
        up = (inputs * 64 * 9 + 64 + 128) + (64 * 16 * 9 + 16 + 32) + (16 * outputs * 4 + outputs)
        return up + 2 * block[64] + 2 * block[16]

    expected = encoder + decoder(128, 4) + decoder(128, 1) + decoder(256, 2)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    assert 2.4e6 < expected < 2.6e6


def test_shapes_and_ranges():
    network = BranchedERFNet()
    for parameter in network.parameters():  # not the zeros it starts with
        nn.init.normal_(parameter, std=0.3)
    now, before = network(torch.randn(3, 1, 40, 64), torch.randn(3, 1, 40, 64))
    assert [tuple(m.shape) for m in now] == [(3, 2, 40, 64), (3, 2, 40, 64), (3, 40, 64), (3, 2, 40, 64)]
    assert before.shift.shape == (0, 2, 40, 64)
    assert now.offset.abs().max() <= 1
    assert now.bandwidth.min() >= 0
    assert now.seediness.max() <= 1


def test_output_layers_start_at_zero_and_the_bandwidth_at_the_cells_radius():
    network = BranchedERFNet()
    network.start_at(radius=20, pixel_size=STEP)
    now, _ = network(torch.randn(2, 1, 16, 16), torch.randn(2, 1, 16, 16))
    assert not now.offset.any()
    assert not now.shift.any()
    s = precision(now.bandwidth)
    torch.testing.assert_close(torch.exp(-s * (20 * STEP) ** 2), torch.full_like(s, 0.5))


@pytest.mark.parametrize(("b", "radius"), [(0.0, 212.3), (1.0, 1.43), (0.5, 17.4)])
def test_radius_of_a_bandwidth(b: float, radius: float):
    assert math.sqrt(math.log(2) / math.exp(10 * b)) / STEP == pytest.approx(radius, rel=0.01)
    assert bandwidth_of_radius(radius, STEP) == pytest.approx(b, abs=0.01)


def test_the_frames_of_a_pair_do_not_touch_in_the_encoder():
    network = BranchedERFNet().eval()
    now, before, other = (torch.randn(1, 1, 16, 16) for _ in range(3))
    with torch.no_grad():
        nn.init.normal_(network.tracking[-1].weight)
        first, second = network(now, before)[0], network(now, other)[0]
    torch.testing.assert_close(first.offset, second.offset)
    assert not torch.allclose(first.shift, second.shift)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_parameter_learns_under_autocast(dtype: torch.dtype):
    torch.manual_seed(0)
    network = BranchedERFNet().train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    cells = cells_of([{(11, 15): 6}, {(6, 7): 5, (15, 24): 6}])
    cells = cells._replace(centres=cells.centres.float())
    for _ in range(2):  # after one step the output layers are no longer zero and let gradients through
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            now, before = network(torch.randn(2, 1, 24, 32), torch.randn(2, 1, 24, 32))
        losses = embedtrack_loss(now, before, cells, cells, cells, STEP)
        assert losses.total.dtype == torch.float32
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert not silent
