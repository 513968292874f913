"""The learning rate rises and falls as its formula says."""

import numpy as np
import pytest

from embedtrack.training.schedules import one_cycle


def test_one_cycle():
    rates = [one_cycle(p, 5e-4) for p in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(2e-5)
    assert max(rates) == rates[30] == pytest.approx(5e-4)
    assert rates[-1] == pytest.approx(5e-8)
    assert sorted(rates[:31]) == rates[:31]
    assert sorted(rates[30:], reverse=True) == rates[30:]
