"""What holds for all tests."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from embedtrack.__main__ import main
from embedtrack.methods.embedtrack.branched import BranchedERFNet

# A shell starts what runs in the background deaf to Ctrl-C, and children inherit that: tests that send it would fail.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _usual_levels() -> Iterator[None]:
    """What a command does to the loggers ends with its test."""
    loggers = [logging.getLogger(name) for name in ("embedtrack", "tifffile", "bioio")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def network() -> BranchedERFNet:
    """With heads that say something: their first weights are zero."""
    torch.manual_seed(0)
    network = BranchedERFNet()
    for part in (network.segmentation, network.seediness, network.tracking):
        nn.init.normal_(part[-1].weight, std=0.1)
    return network.eval()


@pytest.fixture
def four_threads() -> Iterator[None]:
    """Let torch have four threads, whatever the processor has."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run_whole(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedtrack", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        return (int(stop.value.code or 0), *capfd.readouterr())

    return call


@pytest.fixture
def run(run_whole: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str]]:
    """The same without standard output."""

    def call(*words: object) -> tuple[int, str]:
        code, _, said = run_whole(*words)
        return code, said

    return call
