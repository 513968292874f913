import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.movies.tiff_image import Header, read_frame, read_header, read_image, read_labels

GREY = np.random.default_rng(0).integers(0, 60000, (100, 120)).astype(np.uint16)
CODECS = ("zlib", "lzw", "packbits", "zstd")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, *CODECS])
def test_a_frame_is_read_as_it_was_written(tmp_path: Path, dtype: type, byteorder: str, compression: str | None):
    frame = (GREY // 256).astype(dtype)
    tifffile.imwrite(tmp_path / "t.tif", frame, byteorder=byteorder, compression=compression)
    read = read_frame(tmp_path / "t.tif")
    np.testing.assert_array_equal(read, frame)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative


@pytest.mark.parametrize(
    "shape", [(100, 120), (1, 100, 120), (100, 120, 1), (1, 1, 100, 120, 1), (1, 12000), (12000, 1)]
)
@pytest.mark.parametrize("style", [{}, {"bigtiff": True}, {"tile": (32, 32)}])
def test_singleton_axes_go_and_sides_of_one_pixel_stay(tmp_path: Path, shape: tuple[int, ...], style: dict):
    tifffile.imwrite(tmp_path / "t.tif", GREY.reshape(shape), photometric="minisblack", **style)
    expected = shape if len(shape) == 2 else (100, 120)
    assert read_header(tmp_path / "t.tif") == Header(expected, np.dtype(np.uint16))
    np.testing.assert_array_equal(read_image(tmp_path / "t.tif"), GREY.reshape(expected))


@pytest.mark.parametrize("compression", [None, *CODECS])
@pytest.mark.parametrize("keep", [0.0, 0.0002, 0.0006, 0.01, 0.5, -1])
def test_a_truncated_file_is_seen_without_decoding_it(tmp_path: Path, compression: str | None, keep: float):
    path = tmp_path / "t.tif"
    tifffile.imwrite(path, GREY, compression=compression, rowsperstrip=10)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if keep < 0 else whole[: int(keep * len(whole))])
    for read in (read_header, read_frame):
        with pytest.raises(ValueError, match=r"t\.tif: expected .*, got .*(?s:copy)") as error:
            read(path)
        assert "\n" not in str(error.value)


def test_the_directory_may_stand_behind_the_pixels_and_then_be_cut_off(tmp_path: Path):
    path, pixels = tmp_path / "t.tif", np.arange(20, dtype=np.uint8).tobytes()
    entries = [(256, 3, 5), (257, 3, 4), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 3, 4), (279, 4, 20)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in entries)
    whole = b"II*\0" + struct.pack("<I", 28) + pixels + directory + b"\0\0\0\0"
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_frame(path), np.arange(20).reshape(4, 5))
    path.write_bytes(whole[:30])
    with pytest.raises(ValueError, match="expected a whole TIFF file"):
        read_header(path)


def test_damaged_pixels_are_seen_when_they_are_decoded(tmp_path: Path):
    path = tmp_path / "t.tif"
    tifffile.imwrite(path, GREY, compression="zlib")
    content = bytearray(path.read_bytes())
    content[5000:6000] = bytes(1000)
    path.write_bytes(content)
    read_header(path)
    with pytest.raises(ValueError, match=r"t\.tif: expected a whole TIFF file, got '.*'; copy or save it again"):
        read_frame(path)


STACK = np.stack([GREY] * 5)


@pytest.mark.parametrize(
    ("image", "style", "message"),
    [
        (np.stack([GREY] * 3, -1), {"photometric": "rgb"}, "expected a grey image, got 3 channels"),
        (STACK[:3], {"photometric": "rgb", "planarconfig": "separate"}, "expected a grey image, got 3 channels"),
        (STACK, {"photometric": "minisblack"}, r"expected one 2D image, got a stack of shape \(5, 100, 120\)"),
        (STACK, {"imagej": True}, r"expected one 2D image, got a stack of shape \(5, 100, 120\)"),
        (STACK, {"volumetric": True, "tile": (16, 16, 16), "photometric": "minisblack"}, "got a stack"),
    ],
)
def test_what_is_not_one_grey_plane_is_refused(tmp_path: Path, image: np.ndarray, style: dict, message: str):
    tifffile.imwrite(tmp_path / "t.tif", image, **style)
    with pytest.raises(ValueError, match=message):
        read_header(tmp_path / "t.tif")


def test_an_imagej_stack_with_a_single_page_is_a_stack(tmp_path: Path):
    path = tmp_path / "t.tif"
    tifffile.imwrite(path, GREY, description="ImageJ=1.53t\nimages=5\nslices=5\n", metadata=None)
    with path.open("ab") as file:
        file.write(GREY.tobytes() * 4)
    with pytest.raises(ValueError, match="got a stack"):
        read_header(path)


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.float64, np.bool_])
def test_frames_of_other_types_become_ours(tmp_path: Path, dtype: type):
    tifffile.imwrite(tmp_path / "t.tif", (GREY % 2).astype(dtype))
    frame = read_frame(tmp_path / "t.tif")
    assert frame.dtype == (np.uint8 if dtype is np.bool_ else np.float32)
    assert np.array_equal(frame, GREY % 2)


def test_what_is_no_grey_value_is_refused(tmp_path: Path):
    tifffile.imwrite(tmp_path / "t.tif", GREY.astype(np.complex64))
    with pytest.raises(ValueError, match="expected grey values, got the type complex64"):
        read_frame(tmp_path / "t.tif")


def test_white_as_zero_is_turned_round(tmp_path: Path):
    for dtype, zero in ((np.uint8, 255), (np.uint16, 65535), (np.int16, -1), (np.float32, 0)):
        tifffile.imwrite(tmp_path / "t.tif", GREY.astype(dtype) % 100, photometric="miniswhite")
        assert np.array_equal(read_frame(tmp_path / "t.tif"), zero - GREY.astype(dtype).astype(np.float64) % 100)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_frames_are_finite(tmp_path: Path, value: float):
    frame = GREY.astype(np.float32)
    frame[3, 4] = value
    tifffile.imwrite(tmp_path / "t.tif", frame)
    with pytest.raises(ValueError, match="expected finite grey values"):
        read_frame(tmp_path / "t.tif")


@pytest.mark.parametrize("content", [None, b"", b"a text, no image", "folder"])
def test_what_is_no_tiff_is_named(tmp_path: Path, content: bytes | str | None):
    path = tmp_path / "t.tif"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.tif: expected a (readable |whole TIFF )?file, got"):
        read_header(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32])
def test_labels_become_int32(tmp_path: Path, dtype: type):
    tifffile.imwrite(tmp_path / "m.tif", (GREY % 100).astype(dtype))
    labels = read_labels(tmp_path / "m.tif")
    np.testing.assert_array_equal(labels, GREY % 100)
    assert labels.dtype == np.int32


def test_labels_above_32767_stay_positive(tmp_path: Path):
    tifffile.imwrite(tmp_path / "m.tif", np.full((2, 2), 65535, np.uint16))
    assert read_labels(tmp_path / "m.tif").min() == 65535


@pytest.mark.parametrize(
    ("value", "dtype"), [(-1, np.int16), (2**31, np.uint32), (1.0, np.float32), (True, np.bool_)], ids=str
)
def test_what_cannot_be_labels_is_refused(tmp_path: Path, value: float, dtype: type):
    tifffile.imwrite(tmp_path / "m.tif", np.full((4, 4), value, dtype))
    with pytest.raises(ValueError, match="expected labels"):
        read_labels(tmp_path / "m.tif")
