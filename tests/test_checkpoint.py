import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig

CONFIG = ModelConfig(method=EmbedTrackConfig(clustering=Clustering(mask_threshold=0.2, min_cell_size=17)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    checkpoint.save(tmp_path / "model", BranchedERFNet(), CONFIG)
    return tmp_path / "model"


def test_a_folder_rebuilds_its_network(folder: Path):
    model = checkpoint.load(folder)
    network, config = model.network, model.config
    torch.manual_seed(0)
    original = BranchedERFNet().eval()
    assert config == CONFIG
    assert not network.training
    x = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(network.encode(x), original.encode(x), atol=2e-2, rtol=1e-2)


def test_small_enough_to_ship(folder: Path):
    assert (folder / checkpoint.WEIGHTS).stat().st_size < 6e6


def test_missing(tmp_path: Path):
    with pytest.raises(ValueError, match=r"config\.json and weights\.safetensors"):
        checkpoint.load(tmp_path / "nothing")


def test_a_near_name_is_named(folder: Path):
    with pytest.raises(ValueError, match="models there: model"):
        checkpoint.load(folder.with_name("modle"))


def test_damaged_weights(folder: Path):
    weights = folder / checkpoint.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(folder)


def test_weights_of_another_network(folder: Path):
    weights = folder / checkpoint.WEIGHTS
    tensors = load_file(weights)
    save_file({f"other.{name}": value for name, value in tensors.items()}, weights)
    with pytest.raises(ValueError, match="another network"):
        checkpoint.load(folder)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"step": 3}',
        '{"unknown": 1}',
        '{"views": 3}',
        '{"ranges": {"encoder.2": [1, 1, 1, Infinity]}}',
        '{"method": {"name": "hourglass"}, "ranges": {"encoder.2": [1, 1, 1, 1]}}',
    ],
)
def test_bad_config(folder: Path, text: str):
    (folder / checkpoint.CONFIG).write_text(text)
    with pytest.raises(ValueError, match=r"config\.json") as error:
        checkpoint.load(folder)
    assert "\n" not in str(error.value)


def test_earlier_models_measure_noise_as_they_have_learnt(tmp_path: Path):
    file = tmp_path / checkpoint.CONFIG
    earlier = {"normalisation": {"method": "asinh", "floor": 10}}
    for given, noise in ((earlier, "frame"), ({}, "image"), ({"normalisation": {"noise": "image"}}, "image")):
        file.write_text(json.dumps(given))
        assert checkpoint.read_config(file).normalisation.noise == noise
    assert json.loads(ModelConfig().model_dump_json())["normalisation"]["noise"] == "image"  # which later versions read
