import numpy as np
import pytest

from embedtrack.challenge.scores import jaccards
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import to_frame
from embedtrack.movies.scale import labels_to_working, scale_for, scale_to, to_working, typical_diameter
from embedtrack.movies.settings import SCALES
from tests.drawings import STEP, draw, perfect_maps


@pytest.mark.parametrize(("diameter", "scale"), [(120, 0.25), (60, 0.5), (49, 1), (26, 1), (13, 2), (4, 2)])
def test_a_typical_cell_is_brought_near_36_pixels(diameter: float, scale: float):
    assert scale_for(diameter) == scale


def test_working_pixels_are_means_of_squares():
    image = np.array([[0, 2, 10], [4, 6, 20]], np.uint16)
    assert to_working(image, 0.5).tolist() == [[3, 15]]  # the last column is mirrored: (10 + 10 + 20 + 20) / 4
    assert to_working(image, 1) is image
    assert to_working(image, 2).shape == (4, 6)
    assert to_working(np.full((5, 7), 9, np.uint8), 2).tolist() == [[9.0] * 14] * 10


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(96, 128), (97, 131), (3, 5), (1, 1)])
def test_frames_labels_and_maps_have_one_size(scale: float, shape: tuple[int, int]):
    working = to_working(np.zeros(shape, np.uint16), scale).shape
    assert labels_to_working(np.zeros(shape, np.int32), scale).shape == working
    empty = np.zeros(working, np.int32)
    maps = to_frame(perfect_maps(empty, empty, {}), shape, scale)
    assert maps.seediness.shape == shape
    assert maps.offset.shape == maps.bandwidth.shape == maps.shift.shape == (2, *shape)


@pytest.mark.parametrize("scale", SCALES)
def test_labels_stay_labels_in_their_places(scale: float):
    labels = draw((96, 130), {3: ((30, 30), 22), 70000: ((60, 90), (26, 30))})
    working = labels_to_working(labels, scale)
    assert np.unique(working).tolist() == [0, 3, 70000]
    for label in (3, 70000):
        y, x = (np.mean(axis) for axis in np.nonzero(working == label))
        there = [(np.mean(axis) + 0.5) * scale - 0.5 for axis in np.nonzero(labels == label)]
        assert (y, x) == pytest.approx(there, abs=0.5)


@pytest.mark.parametrize("scale", SCALES)
def test_perfect_maps_at_a_working_scale_give_the_frames_labels(scale: float):
    """Touching cells among them; half a working pixel of a rim is what a coarser grid cannot say."""
    labels = draw((150, 190), {1: ((50, 50), 40), 2: ((70, 125), (60, 36)), 3: ((130, 40), (16, 30))})
    working = labels_to_working(labels, scale)
    maps = to_frame(perfect_maps(working, working, {}), (150, 190), scale)
    found = cluster(maps, Clustering(min_cell_size=50), STEP * scale)
    assert found.max() == 3
    assert min(jaccards(labels, found)) > {0.25: 0.9, 0.5: 0.94}.get(scale, 0.98)


@pytest.mark.parametrize("scale", [0.3, 0.61, 1.7])
def test_any_scale_keeps_places_and_outlines(scale: float):
    labels = draw((151, 190), {1: ((50, 50), 40), 2: ((70, 125), (60, 36))})
    working = labels_to_working(labels, scale)
    assert (
        working.shape == to_working(labels.astype(np.uint16), scale).shape == (round(151 * scale), round(190 * scale))
    )
    y, x = (np.mean(axis) for axis in np.nonzero(working == 2))
    there = [(np.mean(axis) + 0.5) * scale - 0.5 for axis in np.nonzero(labels == 2)]
    assert (y, x) == pytest.approx(there, abs=0.5)
    maps = to_frame(perfect_maps(working, working, {}), (151, 190), scale)
    found = cluster(maps, Clustering(min_cell_size=50), STEP * scale)
    assert min(jaccards(labels, found)) > 0.92


def test_scales_and_diameters():
    assert scale_to(30, 60) == 0.5
    assert scale_to(30, 1) == 4
    assert typical_diameter([draw((60, 60), {1: ((30, 30), 10)})]) == pytest.approx(20, abs=0.2)
    assert typical_diameter([np.zeros((5, 5), np.int32)]) is None
