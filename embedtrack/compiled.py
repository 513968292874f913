"""Loops as fast as C: the one way in which this package calls numba."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on its first call; it lets go of the interpreter's lock while it runs.

    The machine code is kept for the next process: in ``NUMBA_CACHE_DIR`` if set, else beside the source, else, where
    the package is read-only, in the user's cache folder. Where none of them can be written it is compiled anew.
    """
    result: Callable[P, R]
    try:
        result = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError as error:
        logger.warning("%s is compiled anew in every process, set NUMBA_CACHE_DIR: %s", function.__name__, error)
        result = numba.njit(nogil=True)(function)
    return result
