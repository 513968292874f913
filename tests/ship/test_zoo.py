"""A model in bioimage.io's format is valid by the zoo's own package, and its network gives the very maps of ours."""

import gc
import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.files.mark import carries_mark
from embedtrack.inference.tiles import plan
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.maps import to_frame
from embedtrack.methods.embedtrack.predict import Predictor, Prepared
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.movies.settings import FLUORESCENCE, PLAIN, Normalisation
from embedtrack.ship.scripted import FrameNetwork, ImageNetwork, step
from embedtrack.ship.zoo import write
from tests.drawings import moving

EXTRA = "needs the extra: pip install '.[bioimageio]'"


EARLIER = Normalisation(method="asinh", noise="frame")


@pytest.mark.parametrize(
    ("scale", "normalisation"),
    [(1.0, FLUORESCENCE), (2.0, FLUORESCENCE), (0.5, PLAIN), (2.0, PLAIN), (1.0, EARLIER), (2.0, EARLIER)],
)
def test_the_network_gives_the_same_maps(network: BranchedERFNet, scale: float, normalisation):
    config = ModelConfig(scale=scale, normalisation=normalisation)
    before, image = moving().frames()[:2]
    assert all(side % step(config) == 0 for side in image.shape)
    frames = [as_frame(one, scale, normalisation) for one in (before, image)]
    predictor = Predictor(Prepared(network), plan(frames[0].shape, 256, 64), views=1)
    expected = [to_frame(predictor(frame), image.shape, scale) for frame in frames][1]
    inputs = [torch.from_numpy(one.astype(np.float32))[None, None] for one in (image, before)]
    with torch.no_grad():
        seediness, offset, bandwidth, shift = (one[0].numpy() for one in FrameNetwork(network, config)(*inputs))
        alone = ImageNetwork(network, config)(inputs[0])  # without tracking decoder
    assert all(
        torch.equal(one[0], torch.from_numpy(two))
        for one, two in zip(alone, (seediness, offset, bandwidth), strict=True)
    )
    for got, wanted in zip((offset, bandwidth, seediness[0], shift), expected, strict=True):
        assert np.ptp(wanted) > 0
        np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_a_constant_image_is_nothing(network: BranchedERFNet):
    flat = torch.full((1, 1, 64, 64), 7.0)
    assert all(one.isfinite().all() for one in FrameNetwork(network, ModelConfig())(flat, flat))


@pytest.fixture
def _open_files() -> Iterator[None]:
    """The package leaves files to the collector, and torch warns of the format that the package asks for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("_open_files")
def test_the_package_is_valid(tmp_path: Path, network: BranchedERFNet):
    spec = pytest.importorskip("bioimageio.spec", reason=EXTRA)
    out = tmp_path / "model.zip"
    write(Model(network, ModelConfig(), tmp_path / "odd/näme"), out, authors=["A. Person"], licence="CC-BY-4.0")
    assert carries_mark(out)
    description = spec.load_model_description(out)
    assert description.validation_summary.status == "valid-format"
    assert (description.name, description.license) == ("EmbedTrack n_me", "CC-BY-4.0")
    with zipfile.ZipFile(out) as archive:
        module = torch.jit.load(io.BytesIO(archive.read("weights.pt")))
        inputs = [torch.from_numpy(_array(archive, one.id)) for one in description.inputs]
        expected = [_array(archive, one.id) for one in description.outputs]
    with torch.no_grad():
        for got, wanted in zip(module(*inputs), expected, strict=True):
            np.testing.assert_allclose(got.numpy(), wanted, atol=1e-5)


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.load(io.BytesIO(archive.read(f"{name}.npy")))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "x.tar"), "expected --out NAME.zip, got x.tar"),
        (("--out", "x.zip", "--licence", "mine"), "expected --licence to be a name of"),
        (("--out", "x.zip", "--model", "DIC-C2DH-HeLa-hourglass"), "expected a model of embedtrack or embedseg"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, monkeypatch, run, words: tuple[str, ...], said: str):
    pytest.importorskip("bioimageio.spec", reason=EXTRA)
    monkeypatch.chdir(tmp_path)
    code, error = run("export-model", "--model", "Fluo-N2DL-HeLa", *words)
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_recurrent_network_is_refused(tmp_path: Path, network: BranchedERFNet):
    model = Model(network, ModelConfig(method=HourglassConfig()), tmp_path)
    pytest.importorskip("bioimageio.spec", reason=EXTRA)
    with pytest.raises(ValueError, match="expected a model of embedtrack or embedseg, got one of hourglass"):
        write(model, tmp_path / "x.zip")
