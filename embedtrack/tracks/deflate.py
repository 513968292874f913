"""The images of candidates that nothing is measured on any more, kept deflated until they are written."""

import zlib

import numpy as np

from embedtrack.tracks.candidates import Scene
from embedtrack.types import Labels

LARGE = 2**21
"""Pixels of a frame from which on it is worth the time: labels take a hundredth of their memory then."""
NO_IMAGE = np.zeros((0, 0), np.int32)
"""Of images that are not needed any more, or are deflated."""


def deflate(scene: Scene) -> Scene:
    """The same scene, deflated if it is large; ``inflate`` gives its labels and rivals again."""
    if scene.deflated or scene.labels.size < LARGE:
        return scene
    height, width = scene.labels.shape
    packed = (height, width), _packed(scene.labels), _packed(scene.rivals)
    return scene._replace(labels=NO_IMAGE, rivals=NO_IMAGE, origin=NO_IMAGE, deflated=packed)


def inflate(scene: Scene) -> Scene:
    """A scene with its images, whose origins are no longer there if it was deflated."""
    if not scene.deflated:
        return scene
    shape, labels, rivals = scene.deflated
    return scene._replace(labels=_unpacked(labels, shape), rivals=_unpacked(rivals, shape), deflated=None)


def _packed(image: Labels) -> bytes:
    return zlib.compress(np.ascontiguousarray(image).data, 1)


def _unpacked(data: bytes, shape: tuple[int, int]) -> Labels:
    return np.frombuffer(zlib.decompress(data), np.int32).reshape(shape)
