import io
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.live import arrivals
from embedtrack.live.arrivals import Arrivals, Late


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "SETTLE", 0.1)
    monkeypatch.setattr(arrivals, "LOOK", 0.05)
    monkeypatch.setattr(arrivals, "POLL", 0.01)


def content(value: int = 0, shape: tuple[int, int] = (20, 30)) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.full(shape, value, np.uint16))
    return file.getvalue()


def put(folder: Path, *numbers: int, digits: int = 3) -> None:
    for number in numbers:
        (folder / f"t{number:0{digits}d}.tif").write_bytes(content(number))


def names(paths: Iterator[Path]) -> list[str]:
    return [path.name for path in paths]


def ended() -> bool:
    return True


def test_all_that_is_there_comes_in_order_and_then_it_ends(tmp_path: Path):
    put(tmp_path, 2, 0, 1)
    (tmp_path / "notes.txt").write_text("mine")
    assert names(iter(Arrivals(tmp_path, ended))) == ["t000.tif", "t001.tif", "t002.tif"]
    assert names(iter(Arrivals(tmp_path, lambda: False, idle=0.3))) == ["t000.tif", "t001.tif", "t002.tif"]


def test_any_first_number_and_width(tmp_path: Path):
    put(tmp_path, 7, 8, digits=4)
    assert names(iter(Arrivals(tmp_path, ended))) == ["t0007.tif", "t0008.tif"]


def test_frames_out_of_order_wait_for_those_before(tmp_path: Path):
    put(tmp_path, 0, 2, 3)
    frames = iter(Arrivals(tmp_path, lambda: False))
    assert next(frames).name == "t000.tif"
    threading.Timer(0.3, put, (tmp_path, 1)).start()
    begin = time.monotonic()
    assert names(islice(frames, 3)) == ["t001.tif", "t002.tif", "t003.tif"]
    assert time.monotonic() - begin > 0.3


@pytest.mark.parametrize("set_aside", [False, True])
def test_half_written_files_wait_for_their_other_half(set_aside: bool, tmp_path: Path):
    data, path = content(5), tmp_path / "t000.tif"
    path.write_bytes(data[: len(data) // 2].ljust(len(data) if set_aside else 0, b"\0"))

    def write_on() -> None:
        for end in range(len(data) // 2, len(data) + 100, 100):
            time.sleep(0.02)
            with path.open("r+b") as file:
                file.write(data[:end])

    threading.Thread(target=write_on).start()
    assert next(iter(Arrivals(tmp_path, lambda: False))).read_bytes() == data


def test_a_file_that_stays_half_written_is_left_out_at_the_end(tmp_path: Path):
    put(tmp_path, 0)
    (tmp_path / "t001.tif").write_bytes(content(5)[:-10])
    assert names(iter(Arrivals(tmp_path, ended))) == ["t000.tif"]


def test_changes_in_the_folder_put_off_the_end(tmp_path: Path):
    put(tmp_path, 0)
    frames = iter(Arrivals(tmp_path, lambda: False, idle=0.4))
    next(frames)
    for delay, number in ((0.25, 2), (0.5, 3), (0.75, 1)):
        threading.Timer(delay, put, (tmp_path, number)).start()
    assert names(frames) == ["t001.tif", "t002.tif", "t003.tif"]


def test_a_frame_before_the_first_is_told(tmp_path: Path):
    put(tmp_path, 3)
    frames = iter(Arrivals(tmp_path, lambda: False))
    next(frames)
    put(tmp_path, 2)
    with pytest.raises(Late, match=r"t002\.tif has come after t003\.tif"):
        next(frames)


def test_frames_of_another_shape_or_width_are_refused(tmp_path: Path):
    put(tmp_path, 0)
    (tmp_path / "t001.tif").write_bytes(content(1, (9, 9)))
    with pytest.raises(ValueError, match=r"t001\.tif: expected 20 x 30 uint16 .* got 9 x 9 uint16"):
        names(iter(Arrivals(tmp_path, ended)))
    (tmp_path / "t001.tif").rename(tmp_path / "t0001.tif")
    with pytest.raises(ValueError, match=r"t0001\.tif: expected frame numbers of 3 digits"):
        names(iter(Arrivals(tmp_path, lambda: False)))


def test_numbers_that_outgrow_their_digits_are_told_before_they_are_tracked(tmp_path: Path):
    """As ``infer`` does: the challenge's names have one width."""
    put(tmp_path, 998, 999, 1000)
    arrivals = iter(Arrivals(tmp_path, lambda: True))
    assert [next(arrivals).name, next(arrivals).name] == ["t998.tif", "t999.tif"]
    with pytest.raises(ValueError, match=r"t1000\.tif: expected frame numbers of 3 digits, got another width"):
        next(arrivals)


def test_it_goes_on_after_frames_seen_before(tmp_path: Path):
    put(tmp_path, 0, 1, 2)
    earlier = Arrivals(tmp_path, ended)
    list(earlier)
    later = Arrivals(tmp_path, ended, seen=earlier.seen[:2])
    assert names(iter(later)) == ["t002.tif"]
    assert later.seen == earlier.seen
