"""Write pictures as a movie or as one picture, by the suffix of the name.

``.mp4`` holds VP9 (browsers, VLC, Windows), ``.webm`` VP8 (browsers, VLC), both by the FFmpeg that OpenCV brings along,
which is under the LGPL; H.264 would take a GPL encoder.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedtrack.files.guard import is_text, plain
from embedtrack.files.whole import new_file
from embedtrack.looks.colours import HUES
from embedtrack.looks.overlay import Picture

VIDEO = {".mp4": "vp09", ".webm": "VP80"}
STILL = (".png", ".jpg", ".jpeg")
SEAM = 3
"""White pixels between the frames of one picture."""
SUFFIXES = (*VIDEO, ".gif", *STILL)


def check_suffix(path: Path) -> None:
    """Raise ValueError unless the name ends in one of SUFFIXES."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}, got '{path.suffix}'; rename it")


def write_pictures(out: Path, pictures: Iterable[Picture], rate: float, *, overwrite: bool = False) -> None:
    """Write the pictures, all of one size, whole or not at all.

    Args:
        out: ``.mp4``, ``.webm`` and ``.gif`` are movies; ``.png`` and ``.jpg`` show all pictures in rows.
        pictures: one at a time is in memory, for a movie.
        rate: frames a second.
        overwrite: replace a file that is not of our own.

    Raises:
        ValueError: another suffix, or nothing can be written there.
    """
    check_suffix(out)
    writer: Callable[[Path, Iterable[Picture], float], None]
    suffix = out.suffix.lower()
    writer = _video if suffix in VIDEO else _gif if suffix == ".gif" else _still
    if suffix in VIDEO and not is_text(out):  # its writer would be torn down by the name
        raise ValueError(f"{plain(out)}: expected a name in UTF-8, got other bytes; choose another --out")
    with new_file(out, overwrite=overwrite) as path:
        writer(path, pictures, rate)


def _video(path: Path, pictures: Iterable[Picture], rate: float) -> None:
    stream = iter(pictures)
    first = next(stream)
    height, width = (part - part % 2 for part in first.shape[:2])  # the codecs want even sides
    code = cv2.VideoWriter.fourcc(*VIDEO[path.suffix.lower()])
    video = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, (width, height))
    if not video.isOpened():
        raise ValueError(f"{path.name}: expected OpenCV to write {path.suffix}, it cannot here; write .gif instead")
    count = 0
    for picture in chain([first], stream):
        video.write(np.ascontiguousarray(picture[:height, :width]))
        count += 1
    video.release()
    _require_frames(path, count)


def _require_frames(path: Path, count: int) -> None:
    """Raise OSError unless a film holds all frames: its writer hides that a disk is full, or a file too large."""
    film, there = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while film.grab():
        there += 1
    film.release()
    if there != count:
        raise OSError(f"the film holds {there} of {count} frames: the disk is full, or a file may not be so large")


def _gif(path: Path, pictures: Iterable[Picture], rate: float) -> None:
    images = _indexed(pictures)
    # GIF counts in hundredths of a second, and viewers slow down what is shorter than two.
    next(images).save(
        path, save_all=True, append_images=images, duration=max(round(100 / rate), 2) * 10, loop=0, optimize=False
    )


def _indexed(pictures: Iterable[Picture]) -> Iterator[Image.Image]:
    palette, nearest = _palette()
    for picture in pictures:
        blue, green, red = (picture[..., i].astype(np.uint16) >> 3 for i in range(3))
        image = Image.fromarray(nearest[red << 10 | green << 5 | blue])
        image.putpalette(palette.tobytes())
        yield image


def _palette() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """256 colours uint8[256, 3], half of them greys, and the nearest one of each colour of 15 bits uint8[32768]."""
    greys = np.linspace(0, 255, 116).round()[:, None].repeat(3, axis=1)
    hues = np.array(HUES, float)[:, ::-1]
    shades = [hues * share for share in np.linspace(0.2, 1, 12)]
    tints = [hues + (255 - hues) * share for share in np.linspace(0.1, 0.65, 8)]
    palette = np.concatenate([greys, *shades, *tints]).round()
    code = np.arange(1 << 15)
    colours = np.stack([code >> 10, code >> 5 & 31, code & 31], axis=1) * 8 + 4  # [32768, 3]: red, green, blue
    grey = (colours == colours[:, :1]).all(axis=1)
    distance = (colours**2).sum(1)[:, None] - 2 * colours @ palette.T + (palette**2).sum(1)
    distance[np.ix_(grey, range(len(greys), len(palette)))] = np.inf  # noise must not twinkle in colour
    return palette.astype(np.uint8), distance.argmin(axis=1).astype(np.uint8)


def _still(path: Path, pictures: Iterable[Picture], rate: float) -> None:
    """All pictures in rows, as nearly a 3:2 whole as they come; better narrower than with empty places."""
    shown = list(pictures)
    height, width = shown[0].shape[:2]
    columns = min(
        range(1, len(shown) + 1),
        key=lambda n: abs(np.log(n * width / (-(-len(shown) // n) * height) / 1.5)) + -len(shown) % n / len(shown),
    )
    shown += [np.zeros_like(shown[0])] * (-len(shown) % columns)
    for picture in shown if len(shown) > 1 else ():
        picture[:, -SEAM:] = picture[-SEAM:] = 255
    whole = np.vstack([np.hstack(shown[i : i + columns]) for i in range(0, len(shown), columns)])
    done, data = cv2.imencode(path.suffix, whole)
    if not done:
        raise ValueError(f"{path.name}: expected OpenCV to write {path.suffix}, it cannot here; write .png instead")
    path.write_bytes(data.tobytes())
