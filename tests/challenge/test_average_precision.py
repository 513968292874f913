import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.average_precision import THRESHOLDS, average, evaluate, matches, matches_stack
from tests.drawings import disc, draw

TRUTH = draw((40, 60), {1: ((10, 12), 6), 2: ((10, 40), 6), 3: ((30, 30), 6)})


def row(*runs: int) -> np.ndarray:
    """int32[1, 12]: the labels of twelve pixels."""
    return np.array([[*runs, *[0] * (12 - len(runs))]], np.int32)


def at(threshold: int, truth: np.ndarray, labels: np.ndarray) -> list[int]:
    return matches(truth, labels, [threshold])[0].tolist()


def test_counts_by_hand():
    assert at(50, TRUTH, TRUTH) == [3, 0, 0]
    assert at(50, TRUTH, np.where(TRUTH == 2, 7, TRUTH)) == [3, 0, 0]  # names do not matter
    assert at(50, TRUTH, np.where(TRUTH == 2, 0, TRUTH)) == [2, 0, 1]
    false = np.where(TRUTH > 0, TRUTH, draw((40, 60), {9: ((30, 52), 5)}))
    assert at(50, TRUTH, false) == [3, 1, 0]
    merged = np.where(TRUTH == 2, 1, TRUTH)
    assert at(50, TRUTH, merged) == [2, 0, 1]  # the merged mask has an IoU of one half with both, and finds one
    assert at(55, TRUTH, merged) == [1, 1, 2]
    assert matches(TRUTH, np.zeros_like(TRUTH)).tolist() == [[0, 0, 3]] * 9
    assert matches(np.zeros_like(TRUTH), TRUTH).tolist() == [[0, 3, 0]] * 9


def test_one_half_exactly():
    """A cell of two pixels and two masks of one: at .5 one of them is true, the other false; at .55 both are."""
    assert at(50, row(1, 1), row(1, 2)) == [1, 1, 0]
    assert at(55, row(1, 1), row(1, 2)) == [0, 2, 1]
    assert at(50, row(1, 2), row(1, 1)) == [1, 0, 1]
    # the first mask has half of either cell, the second one suits the second cell alone: both find one
    assert at(50, row(1, 2, 0, 3), row(1, 1, 0, 2)) == [2, 0, 1]


def test_nine_of_ten_pixels_reach_nine_tenths():
    """In floats 9 / 10 would not be above np.arange(.5, .95, .05)[8]."""
    truth, mask = row(*[1] * 10), row(*[1] * 9)
    assert np.arange(0.5, 0.95, 0.05)[8] > 9 / 10
    assert at(90, truth, mask) == [1, 0, 0]
    assert at(91, truth, mask) == [0, 1, 1]
    assert len(THRESHOLDS) == 9
    assert (THRESHOLDS[0], THRESHOLDS[-1]) == (50, 90)


def test_labels_beyond_16_bits():
    high = TRUTH.astype(np.int32) + np.int32(2**31 - 4) * (TRUTH > 0)
    assert at(90, TRUTH, high) == [3, 0, 0]


def test_small_objects_are_left_out_of_both():
    cells = draw((40, 60), {1: ((10, 12), 6), 2: ((10, 40), 3)})
    size = int((cells == 2).sum())
    assert at(50, cells, np.zeros_like(cells)) == [0, 0, 2]
    assert matches(cells, cells, [50], smallest=size)[0].tolist() == [2, 0, 0]
    assert matches(cells, cells, [50], smallest=size + 1)[0].tolist() == [1, 0, 0]


def test_the_mean_over_images_is_not_the_pooled_one():
    counts = np.array([[[1, 0, 0]], [[0, 0, 9]]])
    assert average(counts).tolist() == [0.5]
    assert average(counts, pooled=True).tolist() == [0.1]


def test_nothing_found_where_nothing_is():
    nothing = np.zeros((4, 5), np.int32)
    assert average(matches(nothing, nothing)[None]).tolist() == [1.0] * 9
    assert average(np.stack([matches(nothing, nothing), matches(TRUTH, TRUTH * 0)])).tolist() == [0.5] * 9


def test_overlapping_cells_are_a_stack():
    """Two crossing bars; a mask of one of them, and of the other without the crossing, 16 of 20 pixels."""
    one, other = np.zeros((24, 24), bool), np.zeros((24, 24), bool)
    one[10:12, 2:12], other[6:16, 5:7] = True, True
    labels = np.where(one, 1, np.where(other, 2, 0)).astype(np.int32)
    stack = np.stack([one, other])
    assert matches_stack(stack, labels, [50])[0].tolist() == [2, 0, 0]
    assert matches_stack(stack, labels, [80])[0].tolist() == [2, 0, 0]
    assert matches_stack(stack, labels, [85])[0].tolist() == [1, 1, 1]
    assert matches_stack(stack, labels * 0, [50])[0].tolist() == [0, 0, 2]
    assert matches_stack(stack[:0], labels, [50])[0].tolist() == [0, 2, 0]
    apart = np.stack([disc((40, 60), (10, 12), 6), disc((40, 60), (10, 40), 6), disc((40, 60), (30, 30), 6)])
    assert matches_stack(apart, TRUTH).tolist() == matches(TRUTH, TRUTH).tolist()


def write(folder: Path, **images: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for name, image in images.items():
        tifffile.imwrite(folder / f"{name}.tif", image)
    return folder


def test_folders(tmp_path: Path):
    missed = np.where(TRUTH == 2, 0, TRUTH).astype(np.uint32)
    truth = write(tmp_path / "truth", a=TRUTH.astype(np.uint16), b=row(1, 1).astype(np.uint8))
    masks = write(tmp_path / "masks", a=missed, b=row(1, 2).astype(np.uint16), other=missed)
    found = evaluate(truth, masks)
    assert found.images == 2
    assert found.counts[0].tolist() == [3, 1, 1]
    assert found.mean == pytest.approx([(2 / 3 + 1 / 2) / 2, *[(2 / 3 + 0) / 2] * 8])
    assert found.pooled == pytest.approx([3 / 5, *[2 / 6] * 8])
    assert evaluate(truth / "a.tif", masks / "a.tif").mean == pytest.approx([2 / 3] * 9)
    write(tmp_path / "set/images", a=TRUTH.astype(np.uint16))
    write(tmp_path / "set/masks", a=TRUTH.astype(np.uint16))
    assert evaluate(tmp_path / "set", masks).images == 1


def test_stacks(tmp_path: Path):
    """Two stacks are images one after the other; a stack of truth alone holds cells that overlap."""
    planes = np.stack([TRUTH, np.where(TRUTH == 1, 0, TRUTH)]).astype(np.uint16)
    truth = write(tmp_path / "truth", a=planes, b=np.stack([TRUTH == 1, TRUTH == 2]).astype(np.uint8))
    masks = write(tmp_path / "masks", a=np.stack([TRUTH, TRUTH]).astype(np.uint16), b=TRUTH.astype(np.uint16))
    found = evaluate(truth, masks)
    assert found.images == 3
    assert found.mean[0] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_bad_input(tmp_path: Path):
    with pytest.raises(ValueError, match="thresholds of 50"):
        matches(TRUTH, TRUTH, [40])
    with pytest.raises(ValueError, match="one shape"):
        matches(TRUTH, np.zeros((4, 5), np.int32))
    truth = write(tmp_path / "truth", a=TRUTH.astype(np.uint16), b=TRUTH.astype(np.uint16))
    with pytest.raises(ValueError, match=r"masks of all 2 images, got none of 1: b.tif"):
        evaluate(truth, write(tmp_path / "masks", a=TRUTH.astype(np.uint16)))
    with pytest.raises(ValueError, match=r"a.tif: expected the shape of .*, got \(1, 12\)"):
        evaluate(truth, write(tmp_path / "small", a=row(1), b=row(1)))
    with pytest.raises(ValueError, match="nothing of this name"):
        evaluate(tmp_path / "none", truth)
    with pytest.raises(ValueError, match="got none; check"):
        evaluate(tmp_path, truth)
    with pytest.raises(ValueError, match="type float32"):
        evaluate(truth, write(tmp_path / "grey", a=TRUTH.astype(np.float32), b=TRUTH.astype(np.uint16)))


def test_the_command(tmp_path: Path, run: Callable[..., tuple[int, str]], capfd: pytest.CaptureFixture[str]):
    truth = write(tmp_path / "truth", a=TRUTH.astype(np.uint16))
    masks = write(tmp_path / "masks", a=np.where(TRUTH == 2, 0, TRUTH).astype(np.uint16))
    code, error = run("evaluate", "--ap", truth, masks)
    assert (code, error) == (0, "")
    code, error = run("evaluate", "--ap", truth, masks, "--frames", "0:1")
    assert code == 2
    assert "--frames" in error


def test_the_command_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from embedtrack.__main__ import main

    truth = write(tmp_path / "truth", a=TRUTH.astype(np.uint16))
    masks = write(tmp_path / "masks", a=np.where(TRUTH == 2, 0, TRUTH).astype(np.uint16))
    monkeypatch.setattr("sys.argv", ["embedtrack", "evaluate", "--ap", str(truth), str(masks), "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["AP"]["0.90"] == pytest.approx(2 / 3)
    assert found["counts"]["0.50"] == {"TP": 2, "FP": 0, "FN": 1}
    assert found["images"] == 1


def test_colours_are_no_labels(tmp_path: Path):
    for name in ("truth", "masks"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", np.stack([TRUTH] * 3, axis=-1).astype(np.uint8), photometric="rgb")
    with pytest.raises(ValueError, match=r"expected a label for each pixel, got colours \(40, 60, 3\)"):
        evaluate(tmp_path / "truth", tmp_path / "masks")


def test_truth_of_one_value_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    cells = np.array([[1, 1, 0, 2, 2]], np.uint16)
    truth, masks = write(tmp_path / "truth", a=cells), write(tmp_path / "masks", a=cells)
    assert evaluate(truth, masks).mean[0] == 1
    assert not caplog.text
    evaluate(write(tmp_path / "binary", a=(cells > 0).astype(np.uint16)), masks)
    assert "binary: expected a number for each cell, got one value for all of them" in caplog.text
