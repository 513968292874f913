"""Images that need not all be in memory: made when they are asked for, and kept as long as there is room."""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from embedtrack.types import Labels

T = TypeVar("T")
Shape = tuple[int, ...]


class Room:
    """Holds what was made last, up to so many bytes; shared by threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used, self._lock = limit, 0, Lock()
        self._held: OrderedDict[object, tuple[Any, int]] = OrderedDict()

    def get(self, key: object, make: Callable[[], tuple[T, int]]) -> T:
        """What is held under a key, or what is made now, with its size in bytes."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                held: T = self._held[key][0]
                return held
        made, size = make()
        with self._lock:
            if key not in self._held:
                self._held[key] = made, size
                self._used += size
            while self._used > self._limit and len(self._held) > 1:
                self._used -= self._held.popitem(last=False)[1][1]
        return made


class Kept(Sequence[T]):
    """Items of known shapes, each made when it is asked for, unless a room still holds it."""

    def __init__(self, makers: Iterable[Callable[[], T]], shapes: Iterable[Shape], room: Room) -> None:
        self._makers, self.shapes, self._room = list(makers), list(shapes), room

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> "Kept[T]": ...
    def __getitem__(self, index: int | slice) -> "T | Kept[T]":
        if isinstance(index, slice):
            return self.some(range(len(self))[index])
        maker = self._makers[index]
        kept: T = self._room.get(maker, lambda: _weighed(maker()))
        return kept

    def some(self, indices: Iterable[int]) -> "Kept[T]":
        """Those at some places, in their order; what is held stays held."""
        chosen = list(indices)
        return Kept([self._makers[i] for i in chosen], [self.shapes[i] for i in chosen], self._room)

    def exchanged(self, makers: Mapping[int, Callable[[], T]]) -> "Kept[T]":
        """The same with other items, of the same shapes, at some places."""
        return Kept([makers.get(i, maker) for i, maker in enumerate(self._makers)], self.shapes, self._room)


def deflated(labels: Labels) -> Callable[[], Labels]:
    """Labels int32[H, W], packed: a hundredth of their size; what comes back gives them again."""
    return partial(_inflate, zlib.compress(labels.tobytes(), 1), labels.shape)


def _inflate(packed: bytes, shape: Shape) -> Labels:
    return np.frombuffer(zlib.decompress(packed), np.int32).reshape(shape).copy()


def _weighed(made: Any) -> tuple[Any, int]:
    """An array, or a tuple with arrays, and its bytes."""
    parts: tuple[Any, ...] = made if isinstance(made, tuple) else (made,)
    arrays: list[NDArray[Any]] = [part for part in parts if isinstance(part, np.ndarray)]
    return made, sum(array.nbytes for array in arrays)
