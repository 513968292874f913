"""A model's folder: ``weights.safetensors`` and ``config.json``, from which the network is rebuilt, and its card."""

from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from embedtrack.config import ModelConfig
from embedtrack.files.guard import brief, clipped, reading, require_regular
from embedtrack.files.whole import whole_file
from embedtrack.model import Model
from embedtrack.model_files import CARD, CONFIG, WEIGHTS, names_in

__all__ = ["CARD", "CONFIG", "WEIGHTS", "load", "read_config", "save"]


def save(folder: Path, network: nn.Module, config: ModelConfig) -> None:
    """Write the model; each file is complete when it appears.

    Convolutions are stored in half precision, which moves no mask, the statistics of the norms in single precision.
    """
    tensors = {
        name: value.detach().to("cpu", torch.float16 if value.ndim > 1 else torch.float32).contiguous()
        for name, value in network.state_dict().items()
        if "num_batches" not in name
    }
    with whole_file(folder / CONFIG) as about, whole_file(folder / WEIGHTS) as weights:
        weights.write_bytes(serialise(tensors))
        about.write_text(config.model_dump_json(indent=2) + "\n")


def load(folder: Path) -> Model:
    """Rebuild the network of a model's folder, on the CPU and ready for inference.

    Raises:
        ValueError: the folder or a file of it is missing or damaged, or the weights are another network's.
    """
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        known = names_in(folder.parent)
        there = f"models there: {', '.join(known)}" if known else "no models there"
        raise ValueError(f"expected {' and '.join(missing)} in the model folder {folder}, found none ({there})")
    config = read_config(folder / CONFIG)
    network = config.method.implementation().build(config)
    network.load_state_dict(_tensors(folder / WEIGHTS, network), strict=False)
    return Model(network.eval(), config, folder)


def read_config(path: Path) -> ModelConfig:
    """Read and validate a ``config.json``.

    Raises:
        ValueError: one line that names each bad field.
    """
    require_regular(path)
    try:
        return ModelConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()[:10])
        raise ValueError(
            f"expected a valid {path}, got: {clipped(faults, 1000)}; restore it from the release"
        ) from None
    except Exception as error:
        raise ValueError(f"expected a valid {path}, got: {brief(error)}; restore it from the release") from error


def _tensors(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """The weights in single precision, checked against the network by name and shape."""
    require_regular(path)
    with reading(path, "weights", "it is damaged: restore it from the release"):
        tensors = load_file(path)
    expected = {name: value.shape for name, value in network.state_dict().items() if "num_batches" not in name}
    found = {name: value.shape for name, value in tensors.items()}
    wrong = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    if wrong:
        raise ValueError(
            f"expected the {len(expected)} tensors of this method's network in {path}, got another network's: "
            f"{len(wrong)} names or shapes differ, {min(wrong)} first; use the folder's own config.json and weights"
        )
    for name, value in tensors.items():
        if fault := _fault(name, value):
            raise ValueError(f"{path}: expected sound weights, got {fault} in {name}; restore it from the release")
    return {name: value.float() for name, value in tensors.items()}


def _fault(name: str, value: Tensor) -> str | None:
    """What keeps a tensor from being weights that a training has made."""
    if not value.is_floating_point():
        return f"values of type {str(value.dtype).removeprefix('torch.')}"
    if not value.float().isfinite().all():
        return "values that are not finite"
    if name.endswith("running_var") and bool((value < 0).any()):
        return "a variance below 0"
    return None
