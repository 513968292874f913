"""The images of candidates that nothing is measured on any more, kept deflated until they are written."""

import numpy as np

from embedtrack.files.packed import pack
from embedtrack.tracks.candidates import Scene

LARGE = 2**21
"""Pixels of a frame from which on it is worth the time: labels take a hundredth of their memory then."""
NO_IMAGE = np.zeros((0, 0), np.int32)
"""Of images that are not needed any more, or are deflated."""


def deflate(scene: Scene) -> Scene:
    """The same scene, deflated if it is large; ``inflate`` gives its labels and rivals again."""
    if scene.deflated or scene.labels.size < LARGE:
        return scene
    deflated = pack(scene.labels), pack(scene.rivals)
    return scene._replace(labels=NO_IMAGE, rivals=NO_IMAGE, origin=NO_IMAGE, deflated=deflated)


def inflate(scene: Scene) -> Scene:
    """A scene with its images, whose origins are no longer there if it was deflated."""
    if not scene.deflated:
        return scene
    labels, rivals = scene.deflated
    return scene._replace(labels=labels.opened(), rivals=rivals.opened(), deflated=None)
