"""What is kept of a frame for the next one: the encoder's features, tile by tile."""

from collections.abc import Mapping
from concurrent.futures import Future

from torch import Tensor


class Features:
    """Of each tile of a frame float[1, 128, h/8, w/8]; whoever asks for those that are not there yet waits for them."""

    def __init__(self, tiles: int = 0) -> None:
        """Nothing is there yet, of so many tiles; of none where there is no frame, or none that needs any."""
        self._of = {tile: Future[Tensor]() for tile in range(tiles)}

    @classmethod
    def restored(cls, kept: Mapping[int, Tensor]) -> "Features":
        """All are there."""
        features = cls()
        features._of = {tile: Future() for tile in kept}
        for tile, one in kept.items():
            features[tile] = one
        return features

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, tile: int) -> Tensor:
        """Wait for them. Raises what kept them from being made."""
        return self._of[tile].result()

    def __setitem__(self, tile: int, features: Tensor) -> None:
        self._of[tile].set_result(features)

    def fail(self, error: BaseException) -> None:
        """Those that are not there will not come."""
        for one in self._of.values():
            if not one.done():
                one.set_exception(error)

    def all(self) -> dict[int, Tensor]:
        """Those of all tiles."""
        return {tile: one.result() for tile, one in self._of.items()}
