"""What programs and patient people ask for: one object of JSON, silence, threads, tables of models and of choices."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numba
import pytest
import torch

from embedtrack import checkpoint
from embedtrack.challenge.convention import model_names
from embedtrack.config import ModelConfig
from embedtrack.inference.model_choice import Fit
from embedtrack.inference.model_ranks import Assessment, Ranked
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model_files import noted_data, noted_scores, noted_terms, noted_validation
from tests.drawings import moving, write_movie

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def _usual_threads() -> Iterator[None]:
    before = torch.get_num_threads(), numba.get_num_threads(), cv2.getNumThreads()
    yield
    for give, count in zip((torch.set_num_threads, numba.set_num_threads, cv2.setNumThreads), before, strict=True):
        give(count)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_movie(moving(), tmp_path / "toy")
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig())
    return tmp_path


@pytest.mark.usefixtures("_usual_threads")
def test_infer_and_measure_for_programs(data: Path, run_whole: Run):
    words = ["infer", data / "toy" / "01", "--model", data / "model", "--views", 1, "--device", "cpu"]
    code, out, error = run_whole(*words, "--json", "--quiet", "--threads", 1)
    told = json.loads(out)
    assert code == 0
    assert [line for line in error.splitlines() if "no cell was found" not in line] == []
    assert torch.get_num_threads() == 1
    assert told["result"] == str(data / "toy" / "01_RES")
    assert (told["frames"], told["masks"], told["cells"], told["tracks"], told["fault"]) == (6, 0, 0, 0, "")
    code, out, error = run_whole("measure", data / "toy" / "01_GT", "--out", data / "cells.csv", "--json", "-q")
    assert (code, error) == (0, "")
    assert json.loads(out) == {
        "table": str(data / "cells.csv"), "tracks": str(data / "cells_tracks.csv"), "frames": 6,
    }  # fmt: skip


@pytest.mark.usefixtures("_usual_threads")
def test_images_are_segmented_for_programs(data: Path, run_whole: Run):
    words = ["segment", data / "toy" / "01", "--model", data / "model", "--views", 1, "--out", data / "masks"]
    code, out, error = run_whole(*words, "--json", "--quiet", "--threads", 1)
    assert (code, json.loads(out)) == (0, {"masks": str(data / "masks"), "images": 6, "cells": 0})
    assert [line for line in error.splitlines() if "no cell was found" not in line] == []


@pytest.mark.usefixtures("_usual_threads")
def test_a_sequence_is_run_for_programs(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_ROOT", str(data))
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(data / "models"))
    (data / "models").mkdir()
    (data / "model").rename(data / "models" / "toy")
    words = ["toy", "01", "--views", 1, "--device", "cpu", "--threads", 1]
    code, out, _ = run_whole("run", *words, "--json", "--quiet")
    assert (code, torch.get_num_threads()) == (0, 1)
    assert json.loads(out)["result"] == str(data / "toy" / "01_RES")


def test_models_are_listed_with_what_their_cards_say(run_whole: Run, tmp_path: Path):
    code, out, _ = run_whole("models", "--json")
    assert code == 0
    listed = {one["name"]: one for one in json.loads(out)["models"]}
    assert list(listed) == model_names()
    assert all(one["scores"]["SEG" if "SEG" in one["scores"] else "SEG (silver)"] > 0.45 for one in listed.values())
    table = run_whole("models")[1]
    assert table.count("free") == len(listed)
    assert all(name in table for name in listed)  # not cut: --model asks for it
    card = tmp_path / "README.md"
    card.write_text(
        "# x\n\n## Data and terms\n\n- A/01: 3 frames\n- B: 4\n\nWhether ...\n\n"
        "## Scores\n\n| views | SEG |\n|---|---|\n"
        "| 1 | 0.1 |\n\nthen\n\n| frames | views | SEG | DET |\n|---|---|---|---|\n| a | 1 | 0.2 | 0.3 |\n"
        "| a | 8 | 0.4 | - |\n| b | 8 | 0.6 | 0.5 |\n\n## Known failures\n"
    )
    assert noted_scores(card) == {"SEG": 0.5, "DET": 0.5}
    assert (noted_data(card), noted_terms(card)) == (["A/01", "B"], "ask their owner")
    assert noted_scores(tmp_path / "none") == {}


def test_a_choice_is_told_and_kept_in_a_table(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    seen = Assessment(data / "model", (0.9,), (30.0, 30.0), 28.0, brought_to=31.0)
    fit = Fit(data / "model", 0.9, "it fits: well", True, (Ranked(seen, 0.9),), 31.0)
    monkeypatch.setattr("embedtrack.inference.model_choice.choose", lambda *args, **kwargs: fit)
    movie = data / "toy" / "01"
    code, out, _ = run_whole("choose", movie, "--json", "--out", data / "movies.csv", "--channel", 1)
    assert code == 0
    told = json.loads(out)[str(movie)]
    assert (told["model"], told["diameter"], told["score"], told["sure"]) == ("model", 31.0, 0.9, True)
    assert told["models"][0] == {
        "model": "model", "score": 0.9, "agreement": 0.9, "cells": 2, "diameter": 30, "learnt": 28, "brought_to": 31,
        "frames": 1,
    }  # fmt: skip
    [row] = csv.DictReader((data / "movies.csv").read_text().splitlines())
    assert row == {
        "path": str(movie), "model": "model", "agreement": "0.9", "verdict": "it fits: well", "diameter": "31.0",
        "channel": "1",
    }  # fmt: skip
    code, out, _ = run_whole("choose", movie)
    assert "it fits: well" in " ".join(out.split())


def test_a_data_set_and_a_number_are_a_run(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_ROOT", str(data))
    code, _, error = run_whole("toys", "01")
    assert code == 2
    assert "did you mean toy?" in error
    code, _, error = run_whole("chose", "x")
    assert code == 2
    assert "No such command" in error


def test_the_frames_that_validated_are_those_of_the_card(tmp_path: Path):
    card = tmp_path / "README.md"
    card.write_text("# X\n\n- A/01: 92 annotated frames; frames 39 to 47 validate\n- A/02: 9 annotated frames\n")
    assert noted_validation(card) == {"A/01": range(39, 48)}
    assert noted_validation(tmp_path / "none.md") == {}
