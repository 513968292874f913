from pathlib import Path

import pytest

from embedtrack.files.beside import beside, of_movie


@pytest.mark.parametrize(
    ("name", "movie"),
    [
        ("01_RES", "01"),
        ("01_GT", "01"),
        ("01_ST", "01"),
        ("01_RES-old", "01"),
        ("01_ERR_SEG", "01_ERR_SEG"),
        ("01", "01"),
        ("my_STACK_RES", "my_STACK"),
        ("a_ST_2_RES", "a_ST_2"),
        ("my_STACK", "my_STACK"),
        ("_RES", "_RES"),
    ],
)
def test_the_movie_of_a_result_or_truth(name: str, movie: str):
    assert of_movie(Path("a") / name) == Path("a") / movie


@pytest.mark.parametrize("ending", ["_RES", "_GT", "_ST"])
def test_what_lies_beside_a_movie_is_of_that_movie(tmp_path: Path, ending: str):
    (tmp_path / "cells.ome.tif").touch()
    for movie, folder in (("01", "01"), ("cells.ome.tif", "cells"), ("b.ome.zarr", "b")):
        assert of_movie(beside(tmp_path / movie, ending)) == tmp_path / folder
