"""Packages that only some commands need."""

from importlib import import_module
from typing import Any


def need(package: str, extra: str, purpose: str) -> Any:
    """The package, imported.

    Raises:
        ValueError: it is not installed; the line names the extra that brings it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{purpose}: expected the package {error.name}, got none; "
            f"install it: pip install '.[{extra}]' in a clone of the repository"
        ) from error
