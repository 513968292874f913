"""The maps of a frame that are not there yet: a GPU may still be at work, or nobody has begun."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack.machine import device as devices
from embedtrack.methods.embedtrack.maps import Array, Maps
from embedtrack.types import Frame

OWN = 5
"""So many of the seven channels tell of the frame itself; those of the tracking offset are a block of memory of their
own, which is not needed for as long."""


class Pending(NamedTuple):
    """The maps of a frame, on their way to the processor's memory."""

    own: Tensor
    """[5, H, W]"""
    shift: Tensor
    """[2, H, W]"""
    arrived: "tuple[torch.cuda.Event | None, ...]"

    def fetch(self) -> Maps[Frame]:
        """Wait until they are there."""
        for event in filter(None, self.arrived):
            event.synchronize()
        return named(self.own.numpy(), self.shift.numpy())


def named(own: Array, shift: Array) -> Maps[Array]:
    """Views of [5, H, W] and [2, H, W]."""
    return Maps(own[0:2], own[2:4], own[4], shift)


def sent(parts: Sequence[Tensor]) -> Pending:
    """Maps [5, H, W] and [2, H, W] of the device, sent to the processor."""
    (own, own_arrived), (shift, shift_arrived) = map(devices.download, parts)
    return Pending(own, shift, (own_arrived, shift_arrived))


class Later(NamedTuple):
    """A frame whose maps are made by whoever fetches them."""

    make: Callable[[], Pending]

    def fetch(self) -> Maps[Frame]:
        """Do the work."""
        return self.make().fetch()
