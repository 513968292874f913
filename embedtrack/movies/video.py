"""Videos (avi, mp4, ...) by OpenCV, frame by frame; what their compression has taken away is gone."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.files.guard import is_text, plain, require_regular
from embedtrack.movies.stack import Place, Stack

VIDEOS = (".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg")


def open_video(path: Path) -> Stack:
    """The frames of a video; those that are grey have one channel, others three, red first.

    All are decoded once to count them: what a video's header says of its length is often wrong.

    Raises:
        ValueError: OpenCV cannot read it.
    """
    require_regular(path)
    if not is_text(path):  # OpenCV would be torn down by the name
        raise ValueError(f"{plain(path)}: expected a video whose name is UTF-8, got other bytes; rename it")
    reader = _Reader(path)
    count, grey = 0, True
    while (image := reader.next()) is not None:
        count += 1
        grey = grey and bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())
    if not count:
        raise ValueError(f"{path}: expected a video that OpenCV reads, got none; save the movie as TIFF")
    height, width = reader.shape
    axes, shape = ("TYX", (count, height, width)) if grey else ("TYXS", (count, height, width, 3))

    def read(place: Place) -> NDArray[Any]:
        image = reader.frame(place["T"])
        return np.ascontiguousarray(image[..., 2 - place.get("S", 0)])  # blue comes first

    note = "a video, whose compression changes grey values; the microscope's own file is better"
    return Stack(axes, shape, np.dtype(np.uint8), read, loose="", notes=(note,))


class _Reader:
    """Goes through a video from its start: a seek to a frame may end at another one."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.shape = (0, 0)
        self._rewind()

    def next(self) -> NDArray[Any] | None:
        """The next frame uint8[H, W, 3]; None after the last one."""
        good, image = self._video.read()
        if not good:
            return None
        self._at += 1
        self.shape = (int(image.shape[0]), int(image.shape[1]))
        return np.asarray(image)

    def frame(self, index: int) -> NDArray[Any]:
        """The frame at an index from 0."""
        with self._lock:
            if index < self._at:
                self._rewind()
            image = None
            while self._at <= index:
                image = self.next()
                if image is None:
                    raise ValueError(f"{self._path}: expected a frame {index}, got the video's end; copy it again")
            assert image is not None
            return image

    def _rewind(self) -> None:
        self._video = cv2.VideoCapture(str(self._path))
        self._at = 0
