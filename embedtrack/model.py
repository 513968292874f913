"""The face of the package: a model, which tracks movies and segments images in memory."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from embedtrack.config import ModelConfig
from embedtrack.options import Options
from embedtrack.types import Labels

if TYPE_CHECKING:
    import torch
    from torch import nn

    from embedtrack.tracked import Tracked

OnFrame = Callable[[int, int | None], None]
"""Called with the number of finished frames and of all, None where nobody knows yet; what it raises ends the work."""


def _silent(done: int, total: int | None) -> None:
    """Says nothing."""


@dataclass(frozen=True, repr=False)
class Model:
    """A trained network and what inference needs to know of it."""

    network: "nn.Module"
    config: ModelConfig
    folder: Path | None = None
    """Where it was loaded from."""

    def __repr__(self) -> str:
        name, learnt = self.folder.name if self.folder else "in memory", self.config.learnt_diameter
        return f"<Model {name}: {self.config.method.name}{f', cells of {learnt:g} pixels' if learnt else ''}>"

    @classmethod
    def load(cls, name: str | Path = "auto", movie: Any = None) -> Self:
        """A shipped model by its name, the folder of one of your own, or ``auto`` with the movie that it has to fit.

        Raises:
            ValueError: there is no such model, it is damaged, or ``auto`` was given no movie, or a generator, which
                can be gone through once.
        """
        from embedtrack import checkpoint
        from embedtrack.challenge.convention import model_folder

        if str(name) != "auto":
            model = checkpoint.load(model_folder(Path(name)))
        elif movie is None:
            raise ValueError("expected the movie that the model has to fit: Model.load('auto', movie)")
        else:
            from embedtrack.inference.adapt import at_diameter
            from embedtrack.inference.model_choice import choose
            from embedtrack.movies.memory import as_movie

            fit = choose(as_movie(movie))
            model = checkpoint.load(fit.model)
            if fit.diameter:
                model = replace(model, config=at_diameter(model.config, fit.diameter, []))
        return cls(model.network, model.config, model.folder)

    @property
    def device(self) -> "torch.device":
        """Where the network is."""
        return next(self.network.parameters()).device

    def track(self, movie: Any, options: Options | None = None, *, on_frame: OnFrame = _silent) -> "Tracked":
        """Segment and track a movie; nothing is written.

        One frame after the other is read; masks are kept deflated, some kilobytes each.

        Args:
            movie: an array [T, H, W] of NumPy, dask or zarr, a list or generator of frames [H, W], or the path of a
                movie of any kind.
            options: how; by default in as many views as the model says, on the best device.
            on_frame: told of each finished frame; an exception of it ends the work.

        Raises:
            ValueError: it is no movie, or its frames or the device cannot be used.
        """
        from embedtrack.inference.memory import track

        return track(self, movie, options or Options(), on_frame)

    def link(
        self,
        masks: Any,
        movie: Any,
        options: Options | None = None,
        *,
        repair: bool = False,
        on_frame: OnFrame = _silent,
    ) -> "Tracked":
        """Link masks that somebody else made, by this model's tracking offsets; nothing is written.

        Args:
            masks: label images [H, W], an array [T, H, W] or a list of them, or the path of a folder or a stack.
            movie: as in ``track``, of as many frames.
            options: how; by default one view on the best device.
            repair: let gaps be filled, merged cells be split and false ones fall; else no pixel changes hands.
            on_frame: told of each finished frame; an exception of it ends the work.

        Raises:
            ValueError: there are no masks, or movie and masks do not fit together.
        """
        from embedtrack.inference.link import link

        return link(masks, movie, options, model=self, repair=repair, on_frame=on_frame)

    def segment(self, image: Any, options: Options | None = None) -> Labels:
        """The cells of a single image [H, W]: int32[H, W], 0 is background.

        Raises:
            ValueError: it is no image of two axes.
        """
        return next(self.segment_all([image], options))

    def segment_all(self, images: Iterable[Any], options: Options | None = None) -> Generator[Labels]:
        """The cells of many images, each by itself and of any size: int32[H, W] each."""
        from embedtrack.inference.segment import each_by_itself
        from embedtrack.movies.memory import frames_of

        look = each_by_itself(self, options)
        frames, _ = frames_of(images)
        yield from map(look, frames)
