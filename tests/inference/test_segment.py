import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from torch import nn

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.files.packed import pack
from embedtrack.inference.segment import _write, segment
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.model import Model
from embedtrack.options import Options

CPU = Options(views=1, device="cpu", compiling="off")
LOOSE = Clustering(seed_threshold=0.45, mask_threshold=0.4, min_cell_size=5)
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An EmbedSeg that has learnt nothing, but says something."""
    torch.manual_seed(1)
    network = BranchedERFNet(tracking=False)
    for part in (network.segmentation, network.seediness):
        nn.init.normal_(part[-1].weight, std=0.1)  # type: ignore[arg-type]
    folder = tmp_path_factory.mktemp("models") / "embedseg"
    folder.mkdir()
    checkpoint.save(folder, network, ModelConfig(method=EmbedSegConfig(clustering=LOOSE)))
    return folder


def picture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4000, shape).astype(np.uint16)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three sizes, two formats, and a stack."""
    folder = tmp_path / "images"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", picture((48, 64)))
    tifffile.imwrite(folder / "b.tif", picture((33, 100), 1))
    cv2.imwrite(str(folder / "c.png"), picture((40, 40), 2))
    tifffile.imwrite(folder / "pages.tif", picture((3, 24, 32), 3), photometric="minisblack")
    return folder


def test_images_of_any_sizes_and_stacks(images: Path, model: Path, tmp_path: Path):
    seen: list[tuple[int, int | None]] = []
    done = segment(images, model, tmp_path / "masks", CPU, on_image=lambda *numbers: seen.append(numbers))
    assert seen == [(number, 6) for number in range(1, 7)]
    loaded = Model.load(model)
    found = {path.stem: tifffile.imread(path) for path in sorted((tmp_path / "masks").glob("*.tif"))}
    assert {name: masks.shape for name, masks in found.items()} == {
        "a": (48, 64), "b": (33, 100), "c": (40, 40), "pages": (3, 24, 32),
    }  # fmt: skip
    assert all(masks.dtype == np.uint16 for masks in found.values())
    np.testing.assert_array_equal(found["b"], loaded.segment(picture((33, 100), 1), CPU))
    for page, image in zip(found["pages"], picture((3, 24, 32), 3), strict=True):  # no page knows of the one before
        np.testing.assert_array_equal(page, loaded.segment(image, CPU))
    singles = [found["a"], found["b"], found["c"], *found["pages"]]
    assert done == (6, sum(np.unique(one[one > 0]).size for one in singles))
    assert done.cells > 0


def test_a_single_file_a_data_set_and_outlines(images: Path, model: Path, tmp_path: Path):
    segment(images / "a.tif", model, tmp_path / "one", CPU, outlines="geojson")
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"a.tif", "a.geojson", ".embedtrack"}
    masks = tifffile.imread(tmp_path / "one/a.tif")
    outlines = json.loads((tmp_path / "one/a.geojson").read_text())["features"]
    assert [one["properties"]["name"] for one in outlines] == [str(label) for label in np.unique(masks[masks > 0])]
    assert "plane" not in outlines[0]["geometry"]
    segment(images / "pages.tif", model, tmp_path / "pages", CPU, outlines="geojson")
    paged = json.loads((tmp_path / "pages/pages.geojson").read_text())["features"]
    assert {one["geometry"]["plane"]["t"] for one in paged} <= {0, 1, 2}
    (tmp_path / "masks").mkdir()
    segment(tmp_path, model, tmp_path / "set", CPU)
    assert {path.name for path in (tmp_path / "set").glob("*.tif")} == {"a.tif", "b.tif", "c.tif", "pages.tif"}


def test_embedtrack_models_segment_too(images: Path, network: BranchedERFNet, tmp_path: Path):
    (tmp_path / "model").mkdir()
    checkpoint.save(tmp_path / "model", network, ModelConfig(method=EmbedTrackConfig(clustering=LOOSE)))
    assert segment(images / "a.tif", tmp_path / "model", tmp_path / "masks", CPU).images == 1
    found = tifffile.imread(tmp_path / "masks/a.tif")
    np.testing.assert_array_equal(found, Model.load(tmp_path / "model").segment(picture((48, 64)), CPU))


def test_many_cells_take_32_bits(tmp_path: Path):
    labels = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
    _write(tmp_path / "many.tif", [pack(labels)], int(labels.max()))
    assert tifffile.imread(tmp_path / "many.tif").dtype == np.uint32
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "many.tif"), labels)
    _write(tmp_path / "few.tif", [pack(labels[:100])], 29_999)
    assert tifffile.imread(tmp_path / "few.tif").dtype == np.uint16


def test_nothing_is_overwritten_unasked(images: Path, model: Path, tmp_path: Path, run: Run):
    out = tmp_path / "masks"
    words = ("segment", images / "a.tif", "--model", model, "--out", out, "--views", 1, "--device", "cpu")
    out.mkdir()
    (out / "mine.tif").write_text("mine")
    code, error = run(*words)
    assert (code, error.count("\n")) == (2, 1)
    assert "mine.tif" in error
    assert "--overwrite" in error
    assert (out / "mine.tif").read_text() == "mine"
    assert run(*words, "--overwrite")[0] == 0
    code, error = run(*words)  # our own
    assert code == 0
    assert "1 images" in error
    (out / "a.tif").write_text("corrected by hand")
    assert run(*words)[0] == 2
    assert (out / "a.tif").read_text() == "corrected by hand"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("none", "nothing of this name"), ("empty", "got none in this folder"), ("twice", "a.png too"), ("text", "t.tif")],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    images: Path, model: Path, tmp_path: Path, run: Run, name: str, expected: str
):
    (tmp_path / "empty").mkdir()
    for other in ("twice", "text"):
        (tmp_path / other).mkdir()
        tifffile.imwrite(tmp_path / other / "a.tif", picture((20, 20)))
    cv2.imwrite(str(tmp_path / "twice/a.png"), picture((20, 20)))
    (tmp_path / "text/t.tif").write_text("no image")
    code, error = run("segment", tmp_path / name, "--model", model, "--out", tmp_path / "masks", "--device", "cpu")
    assert code == 2
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "masks").exists()


def test_bad_words(images: Path, model: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="--outlines geojson, got roi"):
        segment(images, model, tmp_path / "masks", CPU, outlines="roi")
    with pytest.raises(ValueError, match="to name a folder"):
        segment(images, model, tmp_path / "masks.tif", CPU)
    with pytest.raises(ValueError, match="apart from the input"):
        segment(images, model, images, CPU)
    colour = tmp_path / "colour.png"
    cv2.imwrite(str(colour), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(ValueError, match="--channel"):
        segment(colour, model, tmp_path / "masks", CPU)
