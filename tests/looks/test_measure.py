"""Tables of drawn movies, by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedtrack.looks.columns import CELLS, TRACKS
from embedtrack.looks.measure import cells_table, measure, tracks_table
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Track
from tests.drawings import draw


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


def test_grey_values_are_measured_under_the_mask():
    result = colony()
    raw = [np.where(labels > 0, 7 * labels, 1000).astype(np.uint16) for labels in result.masks]
    table = cells_table(result, raw)
    assert list(table.columns) == [column for column in CELLS if "confidence" not in column]
    assert (table["mean_intensity"] == 7 * table["label"]).all()
    assert (table["total_intensity"] == table["mean_intensity"] * table["area"]).all()
    assert tracks_table(result, table).columns.tolist() == list(TRACKS)


def test_each_channel_has_its_columns():
    result = colony()
    table = cells_table(result, [np.stack([labels, 10 * labels], axis=2).astype(np.uint8) for labels in result.masks])
    names = ("mean_intensity", "total_intensity", "net_intensity")
    assert list(table.columns)[-6:] == [f"{name}_{channel}" for channel in (1, 2) for name in names]
    assert (table["mean_intensity_2"] == 10 * table["label"]).all()


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
    with pytest.raises(ValueError, match=r"expected the package pyarrow, got none; .*pip install '\.\[exchange\]'"):
        measure(colony(), tmp_path / "cells.parquet")
