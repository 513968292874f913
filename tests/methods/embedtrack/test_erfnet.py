import pytest
import torch
from torch import Tensor

from embedtrack.methods.embedtrack.erfnet import encoder


def test_dropout_is_the_recipes():
    rates = [block.p for block in encoder(0.2).modules() if isinstance(block, torch.nn.Dropout2d)]
    assert rates == pytest.approx([0.02] * 5 + [0.2] * 8)


def test_one_layout_all_through():
    """Frames of one channel have no layout of their own; two layouts in one step take a third longer."""
    network = encoder().to(memory_format=torch.channels_last)
    layouts = list[bool]()

    def note(module: torch.nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        layouts.append(made.is_contiguous(memory_format=torch.channels_last))

    def note_gradient(module: torch.nn.Module, made: tuple[Tensor, ...], given: tuple[Tensor, ...]) -> None:
        layouts.append(given[0].is_contiguous(memory_format=torch.channels_last))

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(note)
            module.register_full_backward_hook(note_gradient)
    network(torch.randn(2, 1, 32, 48)).square().sum().backward()
    assert len(layouts) == 2 * (3 + 2 * 13)
    assert all(layouts)
