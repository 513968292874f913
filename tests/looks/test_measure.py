"""Tables of drawn movies, by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedtrack.looks.measure import CELLS, TRACKS, cells_table, measure, tracks_table
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Track
from tests.drawings import draw

ROOT = Path(__file__).parents[2]


def colony(units: Units | None = None) -> Tracked:
    """1 moves by (3, 4) a frame, is lost for a frame and found as 2, divides into 3 and 4; 3 divides into three."""
    cells = [
        {1: ((20.0, 20.0), 6)},
        {1: ((23.0, 24.0), 6)},
        {},
        {2: ((29.0, 32.0), 6)},
        {3: ((29.0, 22.0), 4), 4: ((29.0, 42.0), (3, 5))},
        {3: ((29.0, 21.0), 4), 4: ((29.0, 42.0), (3, 5))},
        {5: ((20.0, 20.0), 3), 6: ((30.0, 20.0), 3), 7: ((40.0, 20.0), 3)},
    ]
    tracks = [Track(1, 0, 1, 0), Track(2, 3, 3, 1), Track(3, 4, 5, 2), Track(4, 4, 5, 2)]
    tracks += [Track(label, 6, 6, 3) for label in (5, 6, 7)]
    labels = [draw((60, 60), frame) for frame in cells]
    return Tracked(labels, tracks, (60, 60), first=10, units=units or Units())


def row(table: pd.DataFrame, **where: int) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_every_cell_of_every_frame_has_its_row():
    table = cells_table(colony())
    asked = ("_intensity", "confidence")  # of what is known only with the movie, or with the result's record
    assert list(table.columns) == [column for column in CELLS if not any(word in column for word in asked)]
    assert table[["frame", "label", "track"]].to_numpy().tolist() == [
        [10, 1, 1], [11, 1, 1], [13, 2, 1], [14, 3, 3], [14, 4, 4], [15, 3, 3], [15, 4, 4],
        [16, 5, 5], [16, 6, 6], [16, 7, 7],
    ]  # fmt: skip
    found = row(table, frame=13)
    assert (found.y, found.x, found.age, found.step, found.speed) == (29, 32, 3, 10, 5)
    assert found.displacement == pytest.approx(math.hypot(9, 12))
    assert (found.parent, found.lineage, found.generation) == (0, 1, 0)
    assert row(table, frame=11).step == 5
    assert math.isnan(row(table, frame=10).step)
    assert math.isnan(row(table, frame=14, label=3).speed)


def test_how_sure_each_cell_is_stands_beside_it():
    sure = np.array([(0, 1, 0.75, 1.0), (3, 2, 0.5, 0.25)], CONFIDENCE)
    table = cells_table(replace(colony(), confidence=sure))
    assert list(table.columns)[-2:] == ["confidence", "link_confidence"]
    assert row(table, frame=13)[["confidence", "link_confidence"]].tolist() == [0.5, 0.25]
    assert row(table, frame=10)["confidence"] == 0.75
    assert table["confidence"].notna().sum() == 2


def test_families_and_cycles_are_told():
    table = cells_table(colony())
    daughter = row(table, frame=14, label=3)
    assert (daughter.parent, daughter.lineage, daughter.generation, daughter.cycle) == (1, 1, 1, 2)
    grandchild = row(table, frame=16, label=6)
    assert (grandchild.parent, grandchild.lineage, grandchild.generation) == (3, 1, 2)
    assert table["cycle"].isna().sum() == 10 - 2


def test_shapes_are_those_of_the_mask():
    labels = np.zeros((30, 40), np.int32)
    labels[10:14, 5:25] = 1  # 4 rows, 20 columns
    labels[20, 30] = 2
    tracked = Tracked([labels], [Track(1, 0, 0, 0), Track(2, 0, 0, 0)], (30, 40))
    table = cells_table(tracked, [np.stack([labels, labels * 10], axis=2).astype(np.uint8)])
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
    tracked = Tracked([labels], [Track(1, 0, 0, 0), Track(2, 0, 0, 0)], (40, 60))
    table = cells_table(tracked, [grey])
    corner, square = row(table, label=1), row(table, label=2)
    assert (corner.edge, square.edge) == (1, 0)
    assert (corner.area, square.solidity) == (27, 1)
    assert corner.solidity == pytest.approx(27 / 30)  # 3 pixels of the corner lie on the near side of the diagonal
    assert (corner.net_intensity, square.net_intensity) == (7, 7)
    full = Tracked([np.ones((4, 4), np.int32)], [Track(1, 0, 0, 0)], (4, 4))
    assert math.isnan(row(cells_table(full, [grey[:4, :4]]), label=1).net_intensity)


def test_grey_values_are_measured_under_the_mask():
    result = colony()
    raw = [np.where(labels > 0, 7 * labels, 1000).astype(np.uint16) for labels in result.masks]
    table = cells_table(result, raw)
    assert list(table.columns) == [column for column in CELLS if "confidence" not in column]
    assert (table["mean_intensity"] == 7 * table["label"]).all()
    assert (table["total_intensity"] == table["mean_intensity"] * table["area"]).all()
    assert tracks_table(result, table).columns.tolist() == list(TRACKS)


def test_every_cell_has_its_row_among_the_tracks():
    result = colony()
    table = tracks_table(result, cells_table(result))
    assert table["track"].tolist() == [1, 3, 4, 5, 6, 7]
    first = row(table, track=1)
    assert (first["first"], first["last"], first.frames, first.lost, first.daughters) == (10, 13, 3, 1, 2)
    assert (first.path, first.displacement, first.straightness, first.mean_speed) == (15, 15, 1, 5)
    third = row(table, track=3)
    assert (third.daughters, third.cycle, third.path) == (3, 2, 1)
    single = row(table, track=5)
    assert (single.frames, single.path, single.displacement) == (1, 0, 0)
    assert math.isnan(single.mean_speed)
    assert math.isnan(single.straightness)


def test_units_are_added_where_they_are_known(tmp_path: Path):
    tracks = measure(colony(Units(0.5, 120)), tmp_path / "cells.csv")
    cells = pd.read_csv(tmp_path / "cells.csv")
    assert tracks == tmp_path / "cells_tracks.csv"
    found = row(cells, frame=13)
    assert (found.time_min, found.age_min, found.y_um, found.speed_um_per_min) == (6, 6, 14.5, 5 * 0.5 / 2)
    assert found.area_um2 == found.area / 4
    assert row(cells, frame=14, label=3).cycle_min == 4
    assert row(pd.read_csv(tracks), track=1).path_um == 7.5
    measure(colony(Units(None, 120)), tmp_path / "cells.csv")
    columns = set(pd.read_csv(tmp_path / "cells.csv"))
    assert {"time_min", "cycle_min"} <= columns
    assert not any("um" in column for column in columns)


def test_parquet_holds_the_same_with_types(tmp_path: Path):
    pytest.importorskip("pyarrow")
    measure(colony(), tmp_path / "cells.parquet")
    cells = pd.read_parquet(tmp_path / "cells.parquet")
    pd.testing.assert_frame_equal(cells, cells_table(colony()))
    assert len(pd.read_parquet(tmp_path / "cells_tracks.parquet")) == 6


def test_a_result_without_cells_has_empty_tables(tmp_path: Path):
    empty = Tracked([np.zeros((9, 9), np.int32)] * 2, [], (9, 9), units=Units(1, 1))
    tracks = measure(empty, tmp_path / "cells.csv", [np.zeros((9, 9), np.uint8)] * 2)
    assert len(pd.read_csv(tmp_path / "cells.csv")) == len(pd.read_csv(tracks)) == 0
    assert set(CELLS) - set(pd.read_csv(tmp_path / "cells.csv")) == {"confidence", "link_confidence"}


def test_another_suffix_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected a name that ends in .csv or .parquet, got '.xls'"):
        measure(colony(), tmp_path / "cells.xls")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"expected the package pyarrow, got none; .*embedtrack\[exchange\]"):
        measure(colony(), tmp_path / "cells.parquet")


def test_every_column_is_documented():
    page = (ROOT / "docs" / "looking.md").read_text()
    assert [name for name in (*CELLS, *TRACKS) if f"| `{name}` |" not in page] == []
    assert [text for text in (*CELLS.values(), *TRACKS.values()) if f"| {text} |" not in page] == []
