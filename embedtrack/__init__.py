"""EmbedTrack: segment and track cells in 2D time-lapse microscopy (Löffler & Mikut 2022).

``Model`` loads a model and tracks movies in memory, ``Options`` says how, ``Tracked`` is what comes of it; ``link``
links masks that somebody else made; ``open_movie`` and ``open_tracked`` read files, ``evaluate`` scores a result. See
``docs/python.md``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedtrack.challenge.evaluate import evaluate
    from embedtrack.challenge.tracked import open_tracked
    from embedtrack.inference.link import link
    from embedtrack.model import Model
    from embedtrack.movies.open import open_movie
    from embedtrack.options import Options
    from embedtrack.tracked import Tracked

__version__ = "0.1.0"
__all__ = ["Model", "Options", "Tracked", "__version__", "evaluate", "link", "open_movie", "open_tracked"]

_HOMES = {
    "Model": "embedtrack.model",
    "Options": "embedtrack.options",
    "Tracked": "embedtrack.tracked",
    "evaluate": "embedtrack.challenge.evaluate",
    "link": "embedtrack.inference.link",
    "open_movie": "embedtrack.movies.open",
    "open_tracked": "embedtrack.challenge.tracked",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``embedtrack --help`` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
