"""Loops as fast as C: the one way in which this package calls numba."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on its first call; it lets go of the interpreter's lock while it runs.

    The machine code is kept for the next process: in ``NUMBA_CACHE_DIR`` if set, else beside the source. Where the
    package is read-only, the code that came with it serves (a container's was made for any processor, see Dockerfile),
    else the user's cache folder. Where none of them can be written it is compiled anew.
    """
    result: Any
    try:
        if _is_shipped(function):
            result = numba.njit(nogil=True)(function)
            result._cache = _Shipped(function)  # type: ignore[no-untyped-call]
        else:
            result = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError as error:
        logger.warning("%s is compiled anew in every process, set NUMBA_CACHE_DIR: %s", function.__name__, error)
        result = numba.njit(nogil=True)(function)
    return result  # type: ignore[no-any-return]


def _is_shipped(function: Callable[..., Any]) -> bool:
    """Whether machine code lies beside the source and nothing can be written there."""
    source = Path(function.__code__.co_filename)
    cache = source.parent / "__pycache__"
    there = any(cache.glob(f"{source.stem}.{function.__qualname__}-*.nbi"))
    return there and not os.access(cache, os.W_OK) and not numba.config.CACHE_DIR  # type: ignore[attr-defined]


class _ShippedLocator(InTreeCacheLocator):
    """Numba's own asks that the folder be writable."""

    def ensure_cache_path(self) -> None:
        """The folder came with the installation: none is made."""


class _ShippedImpl(CompileResultCacheImpl):
    _locator_classes = [_ShippedLocator]  # noqa: RUF012 (numba looks it up on the class)


class _Shipped(FunctionCache):
    """Numba's cache beside the source, read only: what is not in it is compiled and forgotten."""

    _impl_class = _ShippedImpl

    def save_overload(self, sig: Any, data: Any) -> None:
        """Nothing can be written."""
