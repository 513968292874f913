import pytest
import torch

from embedtrack.methods.embedtrack.erfnet import encoder


def test_dropout_is_the_recipes():
    rates = [block.p for block in encoder(0.2).modules() if isinstance(block, torch.nn.Dropout2d)]
    assert rates == pytest.approx([0.02] * 5 + [0.2] * 8)
