"""The recurrent hourglasses: gates by hand, a window equals its steps, and what only history can tell is learnt."""

import numpy as np
import pytest
import torch
from torch import nn

from embedtrack.methods.embedtrack.samples import BACKGROUND
from embedtrack.methods.hourglass.loss import cosine_loss
from embedtrack.methods.hourglass.network import ConvGRU, RecurrentHourglasses, unit
from embedtrack.methods.hourglass.windows import Windows


def frames(count: int, size: int = 1, side: int = 16) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(size, count, 1, side, side)).astype(np.float32))


def test_the_update_gate_keeps():
    unit_of_two = ConvGRU(2)
    for parameter in unit_of_two.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        unit_of_two.input.bias[4:] = 1  # of the candidate
        states, last = unit_of_two(torch.zeros(3, 2, 4, 4), 3, None)
    assert states[:, 0, 1, 1].tolist() == [0.5, 0.75, 0.875]
    assert torch.equal(states[2:], last)


def test_a_first_state_of_zero_is_none():
    torch.manual_seed(0)
    cell, features = ConvGRU(3), torch.randn(2, 3, 5, 5)
    nothing, _ = cell(features, 1, None)
    zero, _ = cell(features, 1, torch.zeros(2, 3, 5, 5))
    assert torch.allclose(nothing, zero, atol=1e-6)


def test_a_window_equals_its_steps():
    torch.manual_seed(0)
    network, window = RecurrentHourglasses(4, 3, 5).eval(), frames(4, 2)
    whole, _ = network(window)
    assert whole.shape == (2, 2, 4, 5, 16, 16)
    states: list = []
    for time in range(4):
        step, states = network(window[:, time : time + 1], states)
        assert torch.allclose(step[:, :, 0], whole[:, :, time], atol=1e-5)
    assert len(states) == 2 * 3


def test_a_second_window_forgets_the_first():
    torch.manual_seed(0)
    network, window = RecurrentHourglasses(4, 3, 5).eval(), frames(4)
    alone, _ = network(window[:, 2:])
    again, _ = network(window[:, 2:])
    after, _ = network(window)
    assert torch.equal(alone, again)
    assert not torch.allclose(alone[:, :, 0], after[:, :, 2], atol=1e-3)


def test_no_frame_sees_the_next():
    torch.manual_seed(0)
    network, window = RecurrentHourglasses(4, 3, 5).eval(), frames(3)
    before, _ = network(window)
    window[:, 2] += 1
    after, _ = network(window)
    assert torch.equal(before[:, :, :2], after[:, :, :2])
    assert not torch.equal(before[:, :, 2], after[:, :, 2])


def test_published_size():
    """2 L (9 C^2 + C) + 3 L (18 C^2 + C) in each hourglass, and three 1x1 layers."""
    with torch.device("meta"):
        network = RecurrentHourglasses(64, 7, 16)
    inner = 2 * 7 * (9 * 64**2 + 64) + 3 * 7 * (18 * 64**2 + 64)
    ends = [(inputs * 64 + 64) + (64 * 16 + 16) for inputs in (1, 17)]
    assert sum(p.numel() for p in network.parameters()) == 2 * inner + sum(ends) == 4136608


def test_levels_without_memory():
    torch.manual_seed(0)
    none, some = RecurrentHourglasses(4, 3, 5, recurrent_from=3).eval(), RecurrentHourglasses(4, 3, 5, 1).eval()
    window = frames(2)
    apart = torch.cat([none(window[:, t : t + 1])[0] for t in range(2)], dim=2)
    assert torch.allclose(none(window)[0], apart, atol=1e-6)
    assert len(some(window)[1]) == 2 * 2


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiples of 4, got 16 x 18"):
        RecurrentHourglasses(4, 3, 5)(torch.zeros(1, 1, 1, 16, 18))


def test_states_and_embeddings_are_single_precision():
    torch.manual_seed(0)
    network, window = RecurrentHourglasses(4, 3, 5).eval(), frames(3)
    with torch.autocast("cpu", torch.bfloat16):
        embeddings, states = network(window)
    assert embeddings.dtype == torch.float32
    assert {state.dtype for state in states} == {torch.float32}
    exact, _ = network(window)
    assert torch.allclose(embeddings, exact, atol=0.2)


def test_an_embedding_of_no_length_has_a_gradient():
    nothing = torch.zeros(1, 3, requires_grad=True)
    direction = unit(nothing)
    assert not direction.any()
    direction.sum().backward()
    assert nothing.grad.isfinite().all()
    assert nothing.grad.any()


def turning(side: int = 16) -> Windows:
    """Two equal cells, left and right, that turn about each other, either way, until they are above and below.

    The last frame is the same in both clips, and so is the first: only what was between tells which cell is which.
    """
    quarter = side // 4
    left, right, above, below = (0, -1), (0, 1), (-1, 0), (1, 0)
    ways = [[(left, right), ((-1, -1), (1, 1)), (above, below)], [(left, right), ((1, -1), (-1, 1)), (below, above)]]
    instances = np.full((2, 3, side, side), BACKGROUND, np.int64)
    for clip, way in enumerate(ways):
        for time, places in enumerate(way):
            for cell, (down, across) in enumerate(places):
                y, x = side // 2 + quarter * down - 2, side // 2 + quarter * across - 2
                instances[clip, time, y : y + 4, x : x + 4] = 2 * clip + cell
    neighbours = torch.block_diag(*[torch.tensor([[0, 1], [1, 0]])] * 2).bool()
    pictures = torch.from_numpy((instances >= 0).astype(np.float32))[:, :, None]
    return Windows(pictures, torch.from_numpy(instances), neighbours, torch.tensor([0, 0, 1, 1]))


def learnt(recurrent_from: int, steps: int = 160) -> float:
    """The loss of a small network that has seen the two clips so often."""
    torch.manual_seed(0)
    network, truth = RecurrentHourglasses(8, 3, 4, recurrent_from), turning()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        losses = cosine_loss(network(truth.frames)[0], truth, squared=False)
        losses.total.backward()
        optimiser.step()
    return losses.total.item()


def test_what_only_history_tells_is_learnt_with_memory_alone():
    assert torch.equal(turning().frames[0, ::2], turning().frames[1, ::2])
    assert learnt(recurrent_from=0) < 0.1
    assert learnt(recurrent_from=3) > 0.4
