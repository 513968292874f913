import json

import cv2
import numpy as np
import pytest

from embedtrack.exchange.geojson import collection, features, polygons
from tests.drawings import disc, draw


def area(ring: list[list[int]]) -> float:
    """By the shoelace formula."""
    x, y = np.array(ring, float).T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


def test_a_pixel_is_a_square():
    assert polygons(np.ones((1, 1), bool), (5, 7)) == [[[[7, 5], [7, 6], [8, 6], [8, 5], [7, 5]]]]


def test_an_angle_has_six_corners():
    mask = np.array([[1, 0], [1, 0], [1, 1]], bool)
    [[ring]] = polygons(mask)
    assert {tuple(corner) for corner in ring} == {(0, 0), (1, 0), (1, 2), (2, 2), (2, 3), (0, 3)}
    assert area(ring) == 4


def test_holes_and_parts():
    frame = np.ones((5, 6), bool)
    frame[1:3, 2:5] = False
    [[outline, hole]] = polygons(frame)
    assert (area(outline), area(hole)) == (30, 6)
    assert {tuple(corner) for corner in hole} == {(2, 1), (5, 1), (5, 3), (2, 3)}
    diagonal = np.eye(2, dtype=bool)
    assert len(polygons(diagonal)) == 2
    [one] = features(diagonal.astype(np.int32) * 3)
    assert one["geometry"]["type"] == "MultiPolygon"
    assert one["properties"] == {"objectType": "detection", "name": "3"}


@pytest.mark.parametrize("seed", range(6))
def test_the_area_is_the_masks_and_the_mask_comes_back(seed: int):
    """Of blobs, with holes and parts; drawn anew twelve times as large, so that pixels' middles are inside."""
    rng = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(rng.normal(size=(30, 34)), (0, 0), 1.5) > 0
    drawn = np.zeros((30 * 12, 34 * 12), np.uint8)
    total = 0.0
    for outline, *holes in polygons(mask):
        total += area(outline) - sum(map(area, holes))
        part = np.zeros_like(drawn)
        cv2.fillPoly(part, [np.array(ring) * 12 for ring in (outline, *holes)], 1)
        drawn |= part
    assert total == mask.sum()
    assert np.array_equal(drawn[6::12, 6::12] > 0, mask)


def test_a_file_of_cells():
    labels = draw((40, 50), {2: ((12, 14), 7), 5: ((25, 35), (9, 6))})
    made = json.loads(json.dumps(collection(features(labels, page=3))))
    assert made["type"] == "FeatureCollection"
    assert [one["properties"]["name"] for one in made["features"]] == ["2", "5"]
    for one, mask in zip(made["features"], (disc((40, 50), (12, 14), 7), labels == 5), strict=True):
        [ring] = one["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert area(ring) == mask.sum()
        assert one["geometry"]["plane"] == {"c": -1, "z": 0, "t": 3}
    assert features(np.zeros((4, 4), np.int32)) == []
