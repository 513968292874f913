"""Shapes and grey values of drawn cells, by hand."""

import math

import numpy as np
import pytest

from embedtrack.looks.shapes import frame_rows
from tests.looks.test_measure import row


def test_shapes_are_those_of_the_mask():
    labels = np.zeros((30, 40), np.int32)
    labels[10:14, 5:25] = 1  # 4 rows, 20 columns
    labels[20, 30] = 2
    table = frame_rows(labels, np.stack([labels, labels * 10], axis=2).astype(np.uint8))
    bar = row(table, label=1)
    assert (bar.area, bar.y, bar.x) == (80, 11.5, 14.5)
    assert abs(bar.orientation) == pytest.approx(math.pi / 2)
    assert bar.major_axis == pytest.approx(4 * math.sqrt((20**2 - 1) / 12))
    assert bar.eccentricity == pytest.approx(math.sqrt(1 - (4**2 - 1) / (20**2 - 1)))
    assert (bar.mean_intensity_1, bar.total_intensity_1, bar.mean_intensity_2) == (1, 80, 10)
    assert (bar.solidity, bar.edge) == (1, 0)
    dot = row(table, label=2)
    assert (dot.area, dot.perimeter, dot.total_intensity_2) == (1, 0, 20)


def test_bays_edges_and_the_ground_around_are_told():
    labels = np.zeros((40, 60), np.int32)
    labels[0:6, 0:6] = 1
    labels[3:6, 3:6] = 0  # an L: its hull lacks the corner beyond the diagonal
    labels[20:24, 30:34] = 2
    grey = np.full((40, 60), 10.0, np.float32)
    grey[:, 25:] = 50
    grey[labels > 0] += 7
    table = frame_rows(labels, grey)
    corner, square = row(table, label=1), row(table, label=2)
    assert (corner.edge, square.edge) == (1, 0)
    assert (corner.area, square.solidity) == (27, 1)
    assert corner.solidity == pytest.approx(27 / 30)  # 3 pixels of the corner lie on the near side of the diagonal
    assert (corner.net_intensity, square.net_intensity) == (7, 7)
    full = frame_rows(np.ones((4, 4), np.int32), grey[:4, :4])
    assert math.isnan(row(full, label=1).net_intensity)
