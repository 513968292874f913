"""What a run takes where nobody says it: the views and the precision, by the model and the device."""

from dataclasses import replace

import torch

from embedtrack.config import ModelConfig
from embedtrack.machine import device
from embedtrack.options import USUAL_VIEWS, Options


def settled(options: Options, config: ModelConfig, where: torch.device) -> Options:
    """The options with the views and the precision that a model runs with on a device.

    Raises:
        ValueError: the method has no mean over so many views, or the model or the device no such precision.
    """
    precision = options.precision or config.precision
    if precision == "int8":
        _require_int8(config, where)
    if precision == "auto":
        precision = fastest(config, where)
    return replace(options, views=views_of(config, options.views), precision=precision)


def fastest(config: ModelConfig, where: torch.device) -> str:
    """What ``auto`` means: bfloat16 where the device computes it, else int8 where there is one, else float32."""
    known = device.fast_precision(where)
    return "int8" if known == "float32" and config.ranges and device.has_int8(where) else known


def _require_int8(config: ModelConfig, where: torch.device) -> None:
    """Raise a ValueError where there is none."""
    if not config.ranges:
        raise ValueError(
            "expected --precision auto, float32 or bfloat16 with this model, got int8: it has no ranges for it"
        )
    if not device.has_int8(where):
        raise ValueError(
            f"expected --precision auto, float32 or bfloat16 on this {where.type}, "
            "got int8, for which torch wants a processor with AVX2"
        )


def views_of(config: ModelConfig, asked: int | None) -> int:
    """As many views as are asked for, or as the model says, or as are usual with its method.

    Raises:
        ValueError: it cannot average so many.
    """
    possible = config.method.implementation().views()
    if asked is not None and asked not in possible:
        raise ValueError(
            f"expected --views {', '.join(map(str, possible))} with a model of {config.method.name}, "
            f"whose views have no mean, got {asked}; leave it out"
        )
    return asked or config.views or max(number for number in possible if number <= USUAL_VIEWS)
