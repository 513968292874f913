"""A table of movies is read as a spreadsheet writes it; each fault is a line, before any work."""

import os
from pathlib import Path

import pytest

from embedtrack.batch.jobs import jobs_of, read_table, write_table
from embedtrack.options import Options


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "movies.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_a_line_says_what_the_command_does_not(tmp_path: Path):
    lines = "path,channel,scene,pixel_size,interval,border,note\na.tif,GFP,2,500nm,5min,10,old\n\nsub/b.tif,,,,,,\n"
    first, second = read_table(table(tmp_path, lines), {"channel": "1", "border": 3})
    assert first.path == tmp_path / "a.tif"
    assert first.choice.note() | {"channel": "GFP"} == first.choice.note()
    assert (first.scene, first.choice.units) == ("2", (0.5, 300.0))
    assert first.run_by(Options(border=7)).border == 10
    assert (second.path, second.channel, second.border) == (tmp_path / "sub" / "b.tif", "1", 3)


def test_a_diameter_is_a_number_of_pixels_or_found(tmp_path: Path):
    sizes = [
        job.run_by(Options()).diameter for job in read_table(table(tmp_path, "path,diameter\na.tif,44\nb.tif,auto\n"))
    ]
    assert sizes == [44, "auto"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_as_spreadsheets_write_it(tmp_path: Path, mark: str):
    lines = f'path{mark}"channel"\r\n"a b.tif"{mark}1\r\n'
    [job] = read_table(table(tmp_path, lines, "utf-8-sig"))
    assert (job.path.name, job.channel) == ("a b.tif", "1")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("movie,channel\na.tif,1\n", "path among them, got movie, channel"),
        ("path,chanel\na.tif,1\n", "did you mean channel?"),
        ("path,diameter\na.tif,tiny\n", "line 2, diameter: expected pixels across a typical cell, or auto, got 'tiny'"),
        ("path,diameter\na.tif,-1\n", "line 2, diameter: expected pixels across a typical cell, or auto, got '-1'"),
        ("path,border\na.tif,-3\n", "line 2, border: Input should be greater than or equal to 0, got -3"),
        ("path,interval\na.tif,soon\n", "line 2, interval: expected --interval as 29min"),
        ("path,model\na.tif,\nb.tif,Fluo-N2DH-SIM\n", "line 3, model: expected the folder of a model"),
        ("path,border\n\na.tif,1\n\nb.tif,-3\n", "line 5, border: Input should be greater than or equal to 0, got -3"),
        ("path,border\na.tif,100000\n", "line 2, border: Input should be less than or equal to 65536, got 100000"),
        ("path,diameter\na.tif,12,5\n", "line 2: expected as many cells as columns, got more"),
        ("path\n", "expected a movie a line, got none"),
        ("path,name\na.tif,\n,c\n", "line 3, path: expected that of a movie, got none; fill it in"),
        ("path\na\0.tif\n", "line 2, path: expected a path, got one with letters that none can have"),
        ("path,name\na.tif,..\n", "line 2, name: String should match pattern"),
        ("path\n" + "a" * 200_000, "expected a table of movies, got 'field larger than field limit (131072)'"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, lines: str, said: str):
    with pytest.raises(ValueError, match=r"movies\.csv: ") as error:
        read_table(table(tmp_path, lines))
    assert said in str(error.value)


def test_all_lines_that_are_wrong_are_told(tmp_path: Path):
    bad = table(tmp_path, "path,border\na.tif,-1\nb.tif,5\n,\n,7\nc.tif,x\n")
    with pytest.raises(ValueError, match="line 2, border") as error:
        read_table(bad)
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "line 2, border", "line 5, path", "line 6, border",
    ]  # fmt: skip
    bad.write_text("path,border\n" + "a.tif,-1\n" * 12)
    with pytest.raises(ValueError, match=r"line 11, border: .*\n\.\.\. and 2 more$"):
        read_table(bad)


@pytest.mark.parametrize("encoding", ["latin1", "utf-16"])
def test_a_table_of_another_encoding_is_one_line(tmp_path: Path, encoding: str):
    with pytest.raises(ValueError, match=r"movies\.csv: expected a table of movies, got 'letters that are no text'"):
        read_table(table(tmp_path, "path\nä.tif\n", encoding))


def test_a_queue_is_no_table(tmp_path: Path):
    os.mkfifo(tmp_path / "movies.csv")
    with pytest.raises(ValueError, match=r"movies\.csv: expected a file, got a device or a queue"):
        read_table(tmp_path / "movies.csv")


def test_names_tell_movies_of_several_folders_apart(tmp_path: Path):
    paths = [tmp_path / "a" / "01", tmp_path / "b" / "01", tmp_path / "b" / "cells.ome.tif"]
    paths[2].parent.mkdir()
    paths[2].touch()
    assert list(jobs_of(paths, {})) == ["a_01", "b_01", "cells"]
    with pytest.raises(ValueError, match="different names, got a_01"):
        jobs_of([paths[0], paths[0]], {})
    assert list(jobs_of([table(tmp_path, "path,name\na/01,x\nb/01,y\n")], {})) == ["x", "y"]
    with pytest.raises(ValueError, match="name"):
        jobs_of([table(tmp_path, "path,name\na/01,../x\n")], {})


def test_what_is_written_is_read(tmp_path: Path):
    text = write_table([{"path": "a, b.tif", "model": "auto", "agreement": 0.93}], ("path", "model", "agreement"))
    [job] = read_table(table(tmp_path, text))
    assert (job.path.name, job.model) == ("a, b.tif", "auto")
