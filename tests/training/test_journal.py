import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.recipe import Recipe, Sampling
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.fit import fit
from embedtrack.training.journal import CROPS, CURVES, EVENTS, SAMPLES, Journal, crops
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.holdout import split
from embedtrack.truth.reading import read_annotated
from tests.drawings import dividing, moving, write_movie

ALONE = ProcessGroup(torch.device("cpu"))
SMALL = Recipe(sampling=Sampling(crop=40, large=0), batch=4, epochs=0.4, validations=2, validation=0.3)


@pytest.fixture
def movies(tmp_path) -> list[AnnotatedMovie]:
    toys = {"moving": moving(), "dividing": dividing()}
    return [read_annotated(write_movie(toy, tmp_path / name), SMALL.normalisation) for name, toy in toys.items()]


def test_watching_changes_nothing(movies, tmp_path):
    """The same records and weights, with pictures of each validation and without."""
    journal = Journal(tmp_path / "watched", split(movies, 0.3)[1])
    watched = []
    with journal.writing([]):
        for record in fit(*split(movies, 0.3), tmp_path / "watched", SMALL, ALONE, observe=journal.observe):
            watched.append(record)
            journal.record(record)
    plain = list(fit(*split(movies, 0.3), tmp_path / "plain", SMALL, ALONE))
    assert [r.get("total") for r in watched] == [r.get("total") for r in plain]
    weights = [(tmp_path / name / checkpoint.WEIGHTS).read_bytes() for name in ("watched", "plain")]
    assert weights[0] == weights[1]
    steps = [record["step"] for record in watched if "validation_seg" in record]
    names = [path.name for path in sorted((tmp_path / "watched" / SAMPLES).iterdir())]
    assert names == [f"{step:07d}.jpg" for step in steps]
    assert "best" in (tmp_path / "watched" / CURVES).read_text()


def test_it_goes_on_where_the_log_ends(movies, tmp_path):
    earlier = [json.dumps({"step": n, "total": 1.0, "seconds": n}) for n in (1, 2, 3)]
    journal = Journal(tmp_path / "out", movies)
    with journal.writing(earlier):
        journal.record({"step": 4, "seconds": 4.0, "validation_seg": 0.5, "best": 0.5})
    assert "step 4" in (tmp_path / "out" / CURVES).read_text()
    assert (tmp_path / "out" / CURVES).read_text().count("<polyline") == 2
    if importlib.util.find_spec("tensorboard") is None:
        assert not (tmp_path / "out" / EVENTS).exists()


def test_crops_show_cells_of_each_movie(movies):
    found = crops(movies)
    assert len(found) == CROPS
    assert {crop.frame.shape for crop in found} == {(48, 80), (48, 64)}
    assert all(crop.truth.max() > 0 and not crop.labels.any() for crop in found)
    assert crops([]) == []


def test_samples_show_what_a_frame_would(movies, tmp_path, monkeypatch):
    """Crops are at the working scale: there a cell of 40 pixels of the frame has 10 at half the scale."""
    asked = []

    def clusters(maps, settings, step):
        asked.append(settings.min_cell_size)
        return np.zeros(maps.seediness.shape, np.int32)

    monkeypatch.setattr("embedtrack.methods.embedtrack.cells.cluster", clusters)
    config = ModelConfig(method=EmbedTrackConfig(clustering=Clustering(min_cell_size=40)), scale=0.5)
    Journal(tmp_path / "out", movies).observe(BranchedERFNet().eval(), config, 4, "float32")
    assert set(asked) == {10}


def test_a_full_disk_does_not_end_a_training(movies, tmp_path, caplog):
    out = tmp_path / "out"
    out.write_text("a file where the folder should be")
    journal = Journal(out, movies)
    journal.record({"step": 4, "seconds": 4.0, "validation_seg": 0.5, "best": 0.5})
    journal.observe(BranchedERFNet().eval(), ModelConfig(), 4, "float32")
    assert caplog.text.count("could not be written") == 2


def test_tensorboard_reads_the_events(movies, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra: pip install '.[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    journal = Journal(tmp_path / "out", movies)
    with journal.writing([]):
        for step in (1, 2):
            journal.record({"step": step, "rate": 0.1, "total": 1.0 / step, "track": 0.5, "seconds": 1.0})
        journal.observe(BranchedERFNet().eval(), ModelConfig(), 2, "float32")
        journal.record({"step": 2, "seconds": 1.0, "validation_seg": 0.25, "best": 0.25})
    events = EventAccumulator(str(tmp_path / "out" / EVENTS)).Reload()
    assert {"loss/total", "loss/track", "rate", "validation_seg"} <= set(events.Tags()["scalars"])
    assert [event.value for event in events.Scalars("loss/total")] == [1.0, 0.5]
    [image] = events.Images("samples")
    shown = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    kept = cv2.imread(str(Path(tmp_path / "out" / SAMPLES / "0000002.jpg")))
    assert np.abs(shown.astype(int) - kept).mean() < 3
