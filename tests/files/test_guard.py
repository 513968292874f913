"""Whatever goes wrong with others' files is one line with the file, or a MemoryError."""

import errno
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from embedtrack.files.guard import (
    bonus,
    brief,
    clipped,
    is_text,
    number,
    plain,
    reading,
    require_pixels,
    require_regular,
    require_regular_tree,
    short_of_memory,
    whole,
)


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (lambda: int("x"), "'x' where a whole number belongs"),
        (lambda: float("x"), "'x' where a number belongs"),
        (lambda: int(float("inf")), "infinity where a whole number belongs"),
        (lambda: int(float("nan")), "NaN where a whole number belongs"),
        (lambda: {}["pixel"], "no pixel"),
        (lambda: [][3], "a number out of range"),
        (lambda: None + 1, "a value of another kind than belongs there"),
        (lambda: None.x, "a value of another kind than belongs there"),
        (lambda: b"\xff".decode(), "letters that are no text"),
        (lambda: json.loads("[" * 100_000), "values that are nested too deeply"),
        (lambda: (_ for _ in ()).throw(AssertionError), "AssertionError"),
        (lambda: (_ for _ in ()).throw(TypeError("a\n\nb")), "a b"),
        (lambda: 1 // 0, "a 0 where none may be"),
        (lambda: [].pop(1, 2), "a value of another kind than belongs there"),
        (lambda: os.stat("/nowhere"), "No such file or directory"),
    ],
)
def test_any_exception_is_one_line_with_the_file(fail, said: str):
    with pytest.raises(ValueError) as error, reading("a.xml", "tracks", "save it again"):
        fail()
    assert str(error.value) == f"a.xml: expected tracks, got '{said}'; save it again"


def test_a_fault_that_names_the_file_stays_and_long_ones_are_clipped():
    with pytest.raises(ValueError, match=r"^a\.xml: no tracks$"), reading("a.xml", "tracks"):
        raise ValueError("a.xml: no tracks")
    with pytest.raises(ValueError) as error, reading("a.xml", "tracks"):
        raise RuntimeError("x" * 10**6)
    assert len(str(error.value)) < 400
    assert clipped("0123456789", 6) == "0123 ... 89"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried"),
        RuntimeError("could not create a primitive descriptor for the convolution"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        cv2.error("Insufficient memory (Failed to allocate 80000 bytes)"),
    ],
)
def test_short_memory_is_known_whoever_says_it(error: Exception):
    assert short_of_memory(error)
    with pytest.raises(MemoryError), reading("a.xml", "tracks"):
        raise error
    with pytest.raises(ValueError) as outer, reading("b", "x"):
        raise ValueError("b: other")
    assert not short_of_memory(outer.value)


def test_what_led_to_an_error_counts():
    error = ValueError("damaged")
    error.__cause__ = RuntimeError("std::bad_alloc")
    assert short_of_memory(error)
    assert not short_of_memory(RuntimeError("shapes differ"))


def test_metadata_that_are_a_bonus_are_left_out_aloud(caplog: pytest.LogCaptureFixture):
    assert bonus("a.tif", "the interval", lambda: 3, 0) == 3
    assert bonus("a.tif", "the interval", lambda: int("x"), 0) == 0
    assert caplog.messages == [
        "a.tif: the interval cannot be understood and is left out: 'x' where a whole number belongs"
    ]
    with pytest.raises(MemoryError):
        bonus("a.tif", "the interval", lambda: np.zeros(1 << 59), 0)


def test_only_regular_files_are_opened(tmp_path: Path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "queue")
    (tmp_path / "link").symlink_to("queue")
    require_regular(tmp_path / "file")
    require_regular(tmp_path / "nowhere")
    for name in ("queue", "link"):
        with pytest.raises(ValueError, match=f"{name}: expected a file, got a device or a queue"):
            require_regular(tmp_path / name)
    with pytest.raises(ValueError, match="expected a file, got a device"):
        require_regular(Path("/dev/zero"))
    with pytest.raises(ValueError, match="expected a file, got a folder"):
        require_regular(tmp_path)
    with pytest.raises(ValueError, match=r"(queue|link): expected a file"):
        require_regular_tree(tmp_path)
    (tmp_path / "queue").unlink()
    require_regular_tree(tmp_path)


def test_images_larger_than_can_be_meant_are_refused():
    require_pixels("a.png", (32768, 32768))
    with pytest.raises(ValueError, match=r"a\.png: expected an image of at most 1073741824 pixels, got 10000"):
        require_pixels("a.png", (100_000, 100_000))


@pytest.mark.parametrize("value", ["inf", "nan", "x", None, [], True, "", "1e400"])
def test_numbers_are_finite_and_their_field_is_named(value: object):
    with pytest.raises(ValueError, match="FRAME: "):
        whole({"FRAME": value}, "FRAME")
    with pytest.raises(ValueError, match=r"FRAME: .* where a number belongs"):
        number({"FRAME": value}, "FRAME")


def test_counts_are_bounded():
    assert whole({"FRAME": "3.0"}, "FRAME") == 3
    assert whole({}, "FRAME", 2) == 2
    for value in (1e9, -1, 0.5):
        with pytest.raises(ValueError, match=r"FRAME: .* where a whole number from 0 to 1000000 belongs"):
            whole({"FRAME": value}, "FRAME")


def test_names_that_are_no_text_can_be_told():
    assert is_text("ä.tif")
    assert not is_text(os.fsdecode(b"m\xff.mp4"))
    assert plain(os.fsdecode(b"m\xff.mp4")) == "m\\udcff.mp4"
    assert brief(KeyError("a")) == "no a"
