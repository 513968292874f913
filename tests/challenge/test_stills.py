from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.stills import has_stills, open_stills, part_of
from tests.drawings import draw


def write_stills(dataset: Path, names: list[str], radius: float = 8) -> Path:
    """Images of three bright cells on a noisy dark ground."""
    for folder in ("images", "masks"):
        (dataset / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in names:
        labels = draw((70, 90), {1: ((20, 20), radius), 2: ((48, 30), radius), 3: ((30, 66), radius)})
        image = (labels > 0) * 900 + rng.normal(200, 9, labels.shape)
        tifffile.imwrite(dataset / "images" / f"{name}.tif", image.astype(np.uint16))
        tifffile.imwrite(dataset / "masks" / f"{name}.tif", labels.astype(np.uint16))
    return dataset


def test_images_with_their_masks(tmp_path: Path):
    dataset = write_stills(tmp_path / "toy", ["a", "b"])
    assert has_stills(dataset)
    assert not has_stills(tmp_path)
    first, second = open_stills(dataset)
    assert (first.name, second.name) == ("toy/a", "toy/b")
    grey, labels = first.read()
    assert grey.shape == labels.shape == (70, 90)
    assert labels.max() == 3


def test_faults_of_single_images(tmp_path: Path):
    dataset = write_stills(tmp_path / "toy", ["a", "b"])
    tifffile.imwrite(dataset / "masks" / "a.tif", np.zeros((5, 6), np.uint16))
    with pytest.raises(ValueError, match=r"a.tif: expected masks of shape \(70, 90\) .* got \(5, 6\)"):
        open_stills(dataset)[0].read()
    (dataset / "masks" / "b.tif").unlink()
    with pytest.raises(ValueError, match=r"found none for 1: .*b\.tif"):
        open_stills(dataset)
    with pytest.raises(ValueError, match="expected images like"):
        open_stills(tmp_path)


def test_a_fifth_is_held_back_by_its_name():
    parts = Counter(part_of(f"toy/{number}") for number in range(2000))
    assert parts["held back"] == pytest.approx(400, abs=60)
    assert parts["validation"] == pytest.approx(200, abs=45)
    assert part_of("Usiigaci/set10") == part_of("Usiigaci/set10")
