"""What holds for all tests."""

import logging
import signal
from collections.abc import Iterator

import pytest

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
