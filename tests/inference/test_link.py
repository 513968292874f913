"""Linking of masks that somebody else made: they keep their pixels, and known movements give known tracks."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import embedtrack
from embedtrack import checkpoint
from embedtrack.challenge.layout import check, read_labels, read_tracks
from embedtrack.challenge.pins import columns
from embedtrack.challenge.record_fields import CORRECTED
from embedtrack.challenge.tracked import write_tracked
from embedtrack.config import ModelConfig
from embedtrack.edit.draft import open_draft
from embedtrack.edit.pins import pins
from embedtrack.edit.relabel import relabel
from embedtrack.inference.link import link, link_files
from embedtrack.inference.paired import pair
from embedtrack.inference.segmenter import Segmenter
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import dividing, draw, moving, still, touching, write_movie
from tests.inference.test_track import oracle

Run = Callable[..., tuple[int, str]]


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    """Each mask as the set of its pixels."""
    flat = np.asarray(labels).ravel()
    return {frozenset(np.flatnonzero(flat == label).tolist()) for label in np.unique(flat[flat > 0])}


def scrambled(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same cells with other numbers in every frame, most of them above 16 bits."""
    rng = np.random.default_rng(seed)
    found = np.zeros_like(labels)
    for frame, new in zip(labels, found, strict=True):
        cells = np.unique(frame[frame > 0])
        for cell, number in zip(cells, rng.choice(2**31 - 1, len(cells), replace=False), strict=True):
            new[frame == cell] = number or 1
    return found


@pytest.mark.parametrize("toy", [still(), moving(), dividing(), touching()])
def test_known_movements_give_known_tracks(toy):
    found = link(scrambled(toy.labels))
    assert found.tracks == toy.tracks
    for mask, frame in zip(found.masks, toy.labels, strict=True):
        assert partition(mask) == partition(frame)


def restless(seed: int) -> np.ndarray:
    """Squares that come, go, are missed, merged and in pieces: all that masks can have."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(14):
        frame = np.zeros((40, 56), np.int32)
        for number in rng.permutation(24)[: rng.integers(0, 24)]:
            y, x = divmod(int(number), 6)
            top, left = 10 * y + rng.integers(0, 3), 9 * x + rng.integers(0, 3)
            frame[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = rng.integers(1, 20)
        frames.append(frame)
    return scrambled(np.stack(frames), seed)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_pixel_changes_hands_and_the_result_is_valid(seed: int, tmp_path: Path):
    masks = restless(seed)
    found = link(masks)
    assert len({len(partition(frame)) for frame in masks}) > 3
    for mask, frame in zip(found.masks, masks, strict=True):
        assert partition(mask) == partition(frame)
    found.save(tmp_path / "01_RES")
    assert check(tmp_path / "01_RES") == []


def blinking() -> np.ndarray:
    """A cell that nobody saw in frame 4, beside one that is always seen."""
    frame = draw((48, 64), {1: ((14, 16), 7), 2: ((32, 44), 8)})
    frames = np.stack([frame] * 9)
    frames[4][frames[4] == 1] = 0
    return frames


def test_a_missed_cell_is_found_again_under_a_new_label():
    found = link(blinking())
    assert found.tracks == [Track(1, 0, 3, 0), Track(2, 0, 8, 0), Track(3, 5, 8, 1)]


def test_a_repair_fills_the_gap():
    found = link(blinking(), repair=True)
    assert found.tracks == [Track(1, 0, 8, 0), Track(2, 0, 8, 0)]
    assert partition(found.masks[4]) == partition(blinking()[0])


def fast() -> tuple[np.ndarray, list[Track]]:
    """Three cells in a row that go on by the distance from one to the next: by overlap each is the one before."""
    frames = [draw((40, 160), {n: ((20, 20 + 24 * (n - 1) + 24 * t), 8) for n in (1, 2, 3)}) for t in range(4)]
    return np.stack(frames), [Track(n, 0, 3, 0) for n in (1, 2, 3)]


@pytest.fixture
def model() -> Model:
    return Model(BranchedERFNet().eval(), ModelConfig())


def test_offsets_find_what_overlap_mistakes(model: Model, monkeypatch: pytest.MonkeyPatch):
    labels, tracks = fast()
    toy = still()._replace(labels=labels, tracks=tracks)
    monkeypatch.setattr(Segmenter, "movie", lambda self, *rest: oracle(toy)(*rest))
    found = model.link(scrambled(labels), toy.frames(), Options(views=1, device="cpu"))
    assert found.tracks == tracks
    assert link(scrambled(labels), toy.frames()).tracks != tracks


@pytest.mark.parametrize(("learnt", "hint"), [(12, False), (40, True)])
def test_masks_of_another_size_than_the_model_has_learnt_are_told(
    learnt: float, hint: bool, model: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    toy = still()
    monkeypatch.setattr(Segmenter, "movie", lambda self, *rest: oracle(toy)(*rest))
    sized = Model(model.network, ModelConfig(cell_diameter=learnt))
    sized.link(toy.labels, toy.frames(), Options(views=1, device="cpu"))
    assert (f"the model sees the movie as if cells were of {learnt}" in caplog.text) == hint


def test_arrays_lists_and_files_give_the_same(tmp_path: Path):
    toy = dividing()
    write_movie(toy, tmp_path / "toy")
    folder = tmp_path / "toy" / "01_GT" / "TRA"
    expected = link(toy.labels)
    for masks in (list(toy.labels), folder, str(folder), (frame for frame in toy.labels)):
        found = embedtrack.link(masks)
        assert found.tracks == expected.tracks
        np.testing.assert_array_equal(found.masks, expected.masks)


def test_progress_is_told_and_may_be_stopped():
    told: list[tuple[int, int | None]] = []
    link(still().labels, on_frame=lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        link(still().labels, on_frame=stop)


def test_what_does_not_fit_together_is_one_clear_line(model: Model):
    labels = still().labels
    with pytest.raises(ValueError, match="expected the movie of the masks, 4 frames of 48 x 64 pixels, got 3"):
        link(labels, still().frames()[:3])
    with pytest.raises(ValueError, match="expected the movie of the masks"):
        link(labels, np.zeros((4, 9, 9), np.uint8))
    odd = [*still().frames()[:3], still().frames()[3][:9]]
    with pytest.raises(ValueError, match=r"frame 3: expected 48 x 64 pixels as its masks have, got \(9, 64\); crop"):
        link(labels, odd)
    with pytest.raises(ValueError, match="frame 3: expected 48 x 64 pixels as in the first one, got 9 x 64"):
        model.link(labels, odd)
    with pytest.raises(ValueError, match="expected the movie beside the masks"):
        model.link(labels, None)
    with pytest.raises(ValueError, match="expected masks of at least one frame"):
        link([])
    with pytest.raises(ValueError, match="expected masks of one shape"):
        link([labels[0], labels[1][:9]])


def test_files_get_a_valid_result_with_record_and_log(tmp_path: Path):
    toy = moving()
    write_movie(toy, tmp_path / "toy")
    out = tmp_path / "toy" / "01_RES"
    summary = link_files(pair(tmp_path / "toy" / "01_GT" / "TRA"), out)
    assert summary[:4] == (6, 12, 2, 2)
    assert check(out) == []
    assert read_tracks(out / "res_track.txt") == toy.tracks
    assert partition(read_labels(out / "mask003.tif")) == partition(toy.labels[3])
    known = json.loads((tmp_path / "toy" / "01_RES.json").read_text())["known"]
    assert known["masks"] == str(tmp_path / "toy" / "01_GT" / "TRA")
    assert (known["model"], known["repair"], known["sha256"]) == (None, False, {})
    assert "repair: False" in (tmp_path / "toy" / "01_RES.log").read_text()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_movie(moving(), tmp_path / "toy")
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig())
    (tmp_path / "short").mkdir()
    for t in range(2):
        tifffile.imwrite(tmp_path / "short" / f"a{t}.tif", moving().labels[t].astype(np.uint16))
    return tmp_path


def test_the_command_links_with_and_without_the_movie(data: Path, run: Run):
    masks, raw = data / "toy" / "01_GT" / "TRA", data / "toy" / "01"
    code, said = run("link", masks, "--out", data / "a_RES")
    assert (code, "6 frames, 12 masks of 2 cells in 2 tracks, 0 divisions" in said) == (0, True), said
    words = ("--raw", raw, "--model", data / "model", "--device", "cpu")
    code, said = run("link", masks, *words, "--out", data / "b_RES")
    assert code == 0, said
    assert check(data / "b_RES") == []
    for t, frame in enumerate(moving().labels):
        assert partition(read_labels(data / "b_RES" / f"mask{t:03d}.tif")) == partition(frame)
    known = json.loads((data / "b_RES.json").read_text())["known"]
    assert known["model"] == str(data / "model")
    assert {"tiles", "normalisation", "uneven_ground", "frames_without_image"} <= known["used"].keys()


def test_what_was_used_is_in_the_record_and_the_last_line(data: Path, run: Run):
    code, said = run("link", data / "toy" / "01_GT" / "TRA", "--border", "24", "--out", data / "a_RES")
    used = json.loads((data / "a_RES.json").read_text())["known"]["used"]
    assert (code, used["border"]) == (0, 24)
    assert used["cells_removed_by_border"] > 0
    assert f"border 24 px, {used['peak_memory_mb']} MB of memory" in said
    assert f"{used['cells_removed_by_border']} masks within 24 px of the edge were removed" in said
    assert "tiles" not in used


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "expected masks, got nothing of this name"),
        (["toy/01"], "got the frames of a movie"),
        (
            ["short", "--raw", "toy/01", "--model", "model", "--device", "cpu"],
            "expected the movie of the masks, 2 frames",
        ),
        (["short", "--model", "model"], "expected --raw MOVIE beside --model"),
        (["short", "--channel", "2"], "expected --raw MOVIE beside the options"),
        (["short", "--diameter", "20"], "expected --raw MOVIE beside --diameter"),
        (["short", "--gap", "7"], "expected --gap 0 to 2 frames, got 7"),
        (["short", "--border", "-1"], "expected --border 0 to 65536 pixels, got -1"),
        (["short", "--out", "short"], "short"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    words: list[str], said: str, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(data)
    before = sorted(path for path in data.rglob("*"))
    code, heard = run("link", *words, *([] if "--out" in words else ["--out", "out_RES"]))
    assert code == 2
    assert said in heard
    lines = [line for line in heard.splitlines() if line.strip() and not line.startswith("device auto")]
    assert len(lines) == 1, heard
    assert sorted(path for path in data.rglob("*")) == before


def test_what_a_person_corrected_stays(tmp_path: Path, run: Run):
    """Two cells that rest, and that somebody has exchanged from frame 4 on; linked anew the exchange stays."""
    movie = np.zeros((8, 30, 60), np.int32)
    movie[:, 2:9, 2:9], movie[:, 2:9, 11:18] = 1, 2
    before = open_draft(Tracked(list(movie), [Track(1, 0, 7, 0), Track(2, 0, 7, 0)], (30, 60), first=3))
    after = relabel(before, 1, 2, range(4, 8))
    known = {CORRECTED: "today", **columns(pins(before, after), 3)}
    assert known["pins"] == [[7, 1, 6, 1], [7, 2, 6, 2]]
    write_tracked(Tracked(after.frames, list(after.tracks.values()), (30, 60), first=3), tmp_path / "01_RES", known)
    for words, x in (((), 14), (("--no-pins",), 5)):
        code, error = run("link", tmp_path / "01_RES", "--out", tmp_path / "02_RES", *words)
        assert code == 0, error
        assert ("2 corrected links stay" in error) == (not words)
        masks = [read_labels(tmp_path / f"02_RES/mask{t:03}.tif") for t in (3, 10)]
        assert masks[0][5, 5] == masks[1][5, x] == 1
        record = json.loads((tmp_path / "02_RES.json").read_text())
        assert record["known"].get("pins") == (None if words else known["pins"])
    [sure] = [row for row in link(tmp_path / "01_RES").confidence.tolist() if row[:2] == (4, 1)]
    assert sure[3] == 1


@pytest.mark.parametrize("pins", ["rubbish", [[1, 2]], [[1, 2, 3, "4"]], [["x"] * 4], [[1, 2, -3, 4]], {"a": 1}, 5])
def test_a_record_with_other_pins_is_told(tmp_path: Path, run: Run, pins: object):
    toy = still()
    write_tracked(Tracked(list(toy.labels), toy.tracks, toy.labels[0].shape), tmp_path / "01_RES", {"pins": pins})
    code, error = run("link", tmp_path / "01_RES", "--out", tmp_path / "02_RES")
    assert code == 0
    assert "corrections of links are not known" in error
    assert "Traceback" not in error


def test_pins_of_cells_that_are_not_there_are_told(tmp_path: Path, run: Run):
    toy = still()
    known = {"pins": [[3, 99, 2, 1], [10**9, 1, 2, 1]]}
    write_tracked(Tracked(list(toy.labels), toy.tracks, toy.labels[0].shape), tmp_path / "01_RES", known)
    code, error = run("link", tmp_path / "01_RES", "--out", tmp_path / "02_RES")
    assert code == 0
    assert error.count("cannot be kept") == 2
    assert list(link(tmp_path / "02_RES").tracks) == toy.tracks


def test_masks_of_zarr_are_linked(tmp_path: Path):
    """Its arrays have no length."""
    zarr = pytest.importorskip("zarr")
    toy = moving()
    masks = zarr.open_array(tmp_path / "masks.zarr", mode="w", shape=toy.labels.shape, dtype=np.int32)
    masks[:] = np.array(toy.labels)
    assert link(masks).tracks == toy.tracks


def test_masks_and_frames_that_are_numbered_otherwise_are_paired_in_order_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    toy = moving()
    frames = write_movie(toy, tmp_path / "toy")
    (tmp_path / "masks").mkdir()
    for t, labels in enumerate(toy.labels):
        tifffile.imwrite(tmp_path / "masks" / f"mask{t + 10:03d}.tif", labels.astype(np.uint16))
    assert link(tmp_path / "masks", frames).tracks == toy.tracks
    assert "masks begins with number 10 and the movie with 0: they are paired in order" in caplog.text
