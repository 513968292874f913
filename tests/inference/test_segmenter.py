import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import settled
from embedtrack.machine import device
from embedtrack.options import Options

CPU = torch.device("cpu")
WITH = ModelConfig(precision="auto", ranges={"encoder.2": (1, 1, 1, 1)})


def test_the_precision_that_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device, "has_int8", lambda where: True)
    assert settled(Options(precision="int8"), WITH, CPU).precision == "int8"
    for fast in ("float32", "bfloat16"):
        monkeypatch.setattr(device, "fast_precision", lambda where, fast=fast: fast)
        assert settled(Options(), WITH, CPU).precision == fast
        assert settled(Options(), ModelConfig(), CPU).precision == "float32"


def test_int8_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="with this model, got int8: it has no ranges for it"):
        settled(Options(precision="int8"), ModelConfig(), CPU)
    with pytest.raises(ValueError, match="on this cuda, got int8, for which torch wants a processor with AVX2"):
        settled(Options(precision="int8"), WITH, torch.device("cuda"))
    monkeypatch.setattr(device, "has_int8", lambda where: False)
    with pytest.raises(ValueError, match="on this cpu, got int8"):
        settled(Options(precision="int8"), WITH, CPU)
