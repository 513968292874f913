"""The image, built and run as a stranger would: no network, another user, a read-only root, little memory.

``./tests/run.sh -m container`` wants docker or podman; where no registry can be reached the base comes from Debian's
archive by mmdebstrap.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.challenge.evaluate import evaluate
from tests.container import LIMITS, NAME, call, engine, installer, memory_limits, out_of_reach

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]
log = logging.getLogger(__name__)
DATASET = "Fluo-N2DH-SIM+"
USER = os.geteuid() or 4321
IMAGE = "embedtrack-test"


@pytest.fixture(scope="module")
def image() -> str:
    """The image that tracks and no more, with torch for the CPU."""
    index = os.environ.get("TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
    if "find-links" in call("python3", "-m", "pip", "config", "list").stdout:
        index = "https://pypi.org/simple"  # the machine has its own build of torch, which pip prefers
    nested = ["--isolation", "chroot", "--network", "host", "--layers", *installer()] if "podman" in engine() else []
    choices = [
        f"--build-arg={name}={value}"
        for name, value in {"BASE_IMAGE": NAME, "TORCH_INDEX": index, "PURPOSE": "tracking"}.items()
    ]
    words = [*engine(), "build", *nested, *choices, "--tag", IMAGE, REPOSITORY]
    done = call(*words, seconds=1200)
    if done.returncode:  # an index may have been out of reach for a moment; what was built is kept
        done = call(*words, seconds=1200)
    if done.returncode and (fault := out_of_reach(index)):
        pytest.skip(f"the image cannot be built without {fault}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return IMAGE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the data sets: the demo under the name of its weights, in the hands of another user."""
    shutil.copytree(REPOSITORY / "demo" / "01", tmp_path / DATASET / "01")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, USER, USER)
    return tmp_path


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(image: str, data: Path) -> Iterator[Run]:
    """Start the image under all restrictions that the engine knows."""
    name = f"embedtrack-test-{os.getpid()}"
    rules = ["--network", "none", "--read-only", "--user", f"{USER}:{USER}", *LIMITS, *memory_limits()]
    rules += ["--read-only-tmpfs=false"] if "podman" in engine() else []  # as docker: no writable /tmp either

    def begin(*words: str) -> "subprocess.Popen[str]":
        command = [*engine(), "run", "--rm", "--name", name, *rules, "--volume", f"{data}:/data", image, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    yield begin
    call(*engine(), "rm", "--force", name)


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> float:
    """How long it took."""
    begin = time.perf_counter()
    while not condition():
        assert time.perf_counter() - begin < seconds
        time.sleep(0.02)
    return time.perf_counter() - begin


def masks(data: Path) -> list[Path]:
    return list((data / DATASET).glob(".01_RES*/new/mask*.tif"))


def test_the_demo_is_tracked_scored_and_belongs_to_the_caller(start: Run, data: Path):
    run = start(DATASET, "01", "--views", "1")
    first = wait_for(lambda: bool(masks(data)))
    _, error = run.communicate(timeout=600)
    assert run.returncode == 0, error
    assert "compiled anew" not in error
    result = data / DATASET / "01_RES"
    assert layout.check(result, layout.open_frame_folder(data / DATASET / "01")) == []
    assert {path.stat().st_uid for path in (result, *result.iterdir())} == {USER}
    scores = evaluate(REPOSITORY / "demo" / "01_GT", result)
    assert (scores["SEG"] or 0) > 0.5
    assert (scores["TRA"] or 0) > 0.5
    log.info("%.1f s from run to the first mask", first)
    log.info("SEG %.3f DET %.3f TRA %.3f", scores["SEG"], scores["DET"], scores["TRA"])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_within_three_seconds_and_leaves_nothing(stop: signal.Signals, start: Run, data: Path):
    run = start(DATASET, "01")
    wait_for(lambda: bool(masks(data)))
    call(*engine(), "kill", "--signal", stop.name, f"embedtrack-test-{os.getpid()}")
    seconds = wait_for(lambda: os.listdir(data / DATASET) == ["01"], 30)
    log.info("%.2f s from %s to the end", seconds, stop.name)
    run.communicate(timeout=30)
    assert run.returncode == (130 if stop == signal.SIGINT else 143)
    assert os.listdir(data / DATASET) == ["01"]
    assert seconds < 3  # less than one on a machine that does nothing else


def test_bad_input_is_one_line(start: Run):
    run = start("Fluo-N2DH-SIM", "01")
    _, error = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "did you mean Fluo-N2DH-SIM+?" in error
    assert "Traceback" not in error


def test_what_the_image_leaves_out_is_one_line(image: str):
    words = ["run", "--rm", *LIMITS, "--network", "none", "--entrypoint", "python3", image, "-m", "embedtrack"]
    done = call(*engine(), *words, "evaluate", "/data/01_GT", "/data/01_RES")  # scores are not for tracking
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "expected the package ctc_metrics, got none" in done.stderr


def test_image_is_small_labelled_and_holds_no_movie(image: str):
    about = json.loads(call(*engine(), "image", "inspect", image).stdout)[0]
    weights = sum(path.stat().st_size for path in (REPOSITORY / "models").glob("*/*.safetensors"))
    log.info("image of %.3f GB, %.3f of it weights", about["Size"] / 1e9, weights / 1e9)
    assert about["Config"]["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    assert about["Size"] - weights <= 1.2e9  # each further model adds 5 MB
    words = ["run", "--rm", *LIMITS, "--network", "none", "--entrypoint", "find", image, "/opt", "-name", "*.tif"]
    assert call(*engine(), *words).stdout == ""
