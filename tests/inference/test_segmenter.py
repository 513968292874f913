import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import settled
from embedtrack.machine import device
from embedtrack.options import Options

CPU = torch.device("cpu")
WITH = ModelConfig(precision="auto", ranges={"encoder.2": (1, 1, 1, 1, 1)})


@pytest.mark.parametrize(
    ("fast", "integers", "config", "asked", "expected"),
    [
        ("float32", True, WITH, None, "int8"),
        ("float32", True, WITH, "float32", "float32"),
        ("float32", True, ModelConfig(ranges=WITH.ranges), None, "float32"),
        ("float32", True, ModelConfig(precision="auto"), None, "float32"),
        ("float32", False, WITH, "auto", "float32"),
        ("bfloat16", True, WITH, None, "bfloat16"),
        ("bfloat16", True, WITH, "int8", "int8"),
    ],
)
def test_the_precision_that_is_taken(
    fast: str, integers: bool, config: ModelConfig, asked: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(device, "fast_precision", lambda where: fast)
    monkeypatch.setattr(device, "has_int8", lambda where: integers)
    assert settled(Options(precision=asked), config, CPU).precision == expected


def test_int8_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="with this model, got int8: it has no ranges"):
        settled(Options(precision="int8"), ModelConfig(), CPU)
    with pytest.raises(ValueError, match="on this cuda, got int8, for which torch wants a processor with AVX2"):
        settled(Options(precision="int8"), WITH, torch.device("cuda"))
    monkeypatch.setattr(device, "has_int8", lambda where: False)
    with pytest.raises(ValueError, match="on this cpu, got int8"):
        settled(Options(precision="int8"), WITH, CPU)
