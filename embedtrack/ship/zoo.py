"""A model for bioimage.io, the field's model zoo, and the programs that read its format (deepImageJ, ilastik, ...).

The format says how grey values become maps: one file holds the network in TorchScript, with scale and normalisation
within, test images and the card. It has no words for clustering and linking, which stay in this program.
"""

import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from embedtrack.config import ModelConfig
from embedtrack.files.guard import reading
from embedtrack.files.whole import check_file, new_file
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model import Model
from embedtrack.model_files import CARD, noted_terms
from embedtrack.movies.settings import SCALES
from embedtrack.optional_packages import need
from embedtrack.ship.scripted import scripted, step
from embedtrack.simulate.colony import first_cells, live
from embedtrack.simulate.optics import draw, expose, lamp

log = logging.getLogger(__name__)

SIDE = 256
"""Of the test images in pixels."""
AUTHOR = "The EmbedTrack contributors"
CITED = (
    ("Löffler & Mikut, EmbedTrack, IEEE Access 2022", "10.1109/ACCESS.2022.3192880"),
    ("Maška et al., The Cell Tracking Challenge, Nature Methods 2023", "10.1038/s41592-023-01879-y"),
)
INPUTS = {"image": "grey values of a frame as it was recorded", "before": "the frame before; of the first one itself"}
OUTPUTS = {
    "seediness": ("how likely a pixel is a cell, and how near to its centre", ("seediness",)),
    "offset": ("from a pixel to its cell's centre, in grid units", ("y", "x")),
    "bandwidth": ("clustering bandwidth b, of a precision exp(10 b)", ("y", "x")),
    "shift": ("from a pixel to its cell's centre in the frame before, in grid units", ("y", "x")),
}
TEXT = """\
# {name}

Cells of about {diameter:.0f} pixels across, in images as they were recorded: scale and normalisation are within the
network, whose statistics are those of the whole image; give it no tiles. Sides are multiples of {step} pixels.

`seediness` is 0 on background and highest at a cell's centre: with a threshold, or as seeds of a watershed, it gives
masks. EmbedTrack clusters the pixels by `offset` (a pixel is {pixel:.6f} grid units wide) and `bandwidth`{links}.
That and the mean over several views are no part of this file, but of `embedtrack infer`, whose scores are below.

## Validation

Run `embedtrack evaluate` on results of movies with truth, by the rules of the Cell Tracking Challenge.

---

{card}
"""
LINKS = ", and links them in time\nby `shift`"


def write(model: Model, out: Path, *, authors: Sequence[str] = (), licence: str = "", overwrite: bool = False) -> None:
    """Write a model as one file of bioimage.io's format, validated by the zoo's own package.

    Args:
        model: of EmbedTrack or EmbedSeg.
        out: ``NAME.zip``.
        authors: of the weights; by default this program's.
        licence: of the weights, as SPDX names it; by default the program's MIT where the card says that they are free.
        overwrite: replace a file that is none of ours.

    Raises:
        ValueError: the format cannot express the model, the package is missing or finds a fault, or nothing can be
            written there.
    """
    if out.suffix != ".zip":
        raise ValueError(f"expected --out NAME.zip, got {out.name}")
    check_file(out, overwrite=overwrite)
    spec = need("bioimageio.spec", "bioimageio", str(out))
    _check_licence(spec, licence)
    pixel_size = model.config.offsets.pixel_size * model.config.scale
    if model.config.scale not in SCALES:
        raise ValueError(f"expected a model of scale {', '.join(map(str, SCALES))}, got {model.config.scale}")
    network = model.network.cpu()
    assert isinstance(network, BranchedERFNet)
    card = model.folder / CARD if model.folder else None
    text = card.read_text(encoding="utf-8") if card and card.is_file() else ""
    name = model.folder.name if model.folder else "model"
    licence = licence or ("MIT" if card and noted_terms(card) == "free" else "")
    if not licence:
        log.warning("%s: its card does not say that the weights are free; --licence names their terms", name)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        about = TEXT.format(
            name=name, diameter=model.config.learnt_diameter or 0,
            step=step(model.config), pixel=pixel_size, links=LINKS if network.tracking is not None else "", card=text,
        )  # fmt: skip
        (place / "README.md").write_text(about, encoding="utf-8")
        tensors = _files(network, model.config, place)
        description = _description(spec.model.v0_5, name, place, tensors, step(model.config), authors)
        with new_file(out, overwrite=overwrite) as path, reading(out, "what bioimage.io takes", "mend it"):
            whole = spec.model.v0_5.ModelDescr(**description, license=licence or None)
            spec.save_bioimageio_package(whole, output_path=path)


def _check_licence(spec: Any, licence: str) -> None:
    """Raise ValueError unless it is none or a name that SPDX has."""
    try:
        spec.model.v0_5.LicenseId(licence or "MIT")
    except ValueError:
        raise ValueError(
            f"expected --licence to be a name of https://spdx.org/licenses, e.g. CC-BY-4.0, got {licence[:40]}"
        ) from None


def _files(network: BranchedERFNet, config: ModelConfig, place: Path) -> dict[str, NDArray[Any]]:
    """Write network, test tensors and cover; the tensors [1, n, H, W] by name, inputs first."""
    module = scripted(network, config)
    module.save(str(place / "weights.pt"))
    before, image = _drawn()
    inputs = {"image": image} if network.tracking is None else {"image": image, "before": before}
    with torch.no_grad():
        maps = module(*map(torch.from_numpy, inputs.values()))
    tensors = {**inputs, **{name: one.numpy() for name, one in zip(OUTPUTS, maps, strict=False)}}
    for name, tensor in tensors.items():
        np.save(place / f"{name}.npy", tensor)
        tifffile.imwrite(place / f"{name}.tif", tensor)
    grey = inputs["image"][0, 0]
    grey = np.clip((grey - grey.min()) / np.percentile(grey - grey.min(), 99.8), 0, 1)
    cv2.imwrite(str(place / "cover.png"), (255 * np.hstack([grey, tensors["seediness"][0, 0]])).astype(np.uint8))
    return tensors


def _drawn() -> Iterator[NDArray[np.float32]]:
    """Two frames of nuclei that move, float32[1, 1, SIDE, SIDE] each."""
    rng, size = np.random.default_rng(7), (SIDE, SIDE)
    shade, colony = lamp(rng, size), first_cells(rng, size, 15)
    for _ in range(2):
        _, light = draw([cell.nucleus for cell in colony], size)
        yield expose(rng, light * shade)[None, None].astype(np.float32)
        colony = live(rng, colony, size)


def _description(
    spec: Any, name: str, place: Path, tensors: dict[str, NDArray[Any]], multiple: int, authors: Sequence[str]
) -> dict[str, Any]:
    """The model in the words of the specification, whose module is ``spec``."""

    def file(name: str) -> Any:
        return spec.FileDescr(source=place / name)

    def examples(name: str) -> dict[str, Any]:
        return {"test_tensor": file(f"{name}.npy"), "sample_tensor": file(f"{name}.tif")}

    def axes(names: Sequence[str], side: Any, **sizes: Any) -> list[Any]:
        channel = spec.ChannelAxis(channel_names=list(names))
        return [spec.BatchAxis(), channel, *(side(id=axis, size=sizes[axis]) for axis in "yx")]

    free = {axis: spec.ParameterizedSize(min=64, step=multiple) for axis in "yx"}
    like = {axis: spec.SizeReference(tensor_id="image", axis_id=axis) for axis in "yx"}
    inputs = [
        spec.InputTensorDescr(
            id=one, description=text, **examples(one),
            axes=axes(("grey",), spec.SpaceInputAxis, **(like if number else free)),
        )
        for number, (one, text) in enumerate(INPUTS.items()) if one in tensors
    ]  # fmt: skip
    outputs = [
        spec.OutputTensorDescr(
            id=one, description=text, **examples(one),
            axes=axes([f"{one}_{c}" if len(names) > 1 else one for c in names], spec.SpaceOutputAxis, **like),
        )
        for one, (text, names) in OUTPUTS.items() if one in tensors
    ]  # fmt: skip
    weights = spec.TorchscriptWeightsDescr(
        source=place / "weights.pt", pytorch_version=spec.Version(torch.__version__.split("+")[0])
    )
    tolerances = [
        spec.ReproducibilityTolerance(output_ids=(one,), absolute_tolerance=max(float(tensors[one].max()) / 200, 0))
        for one in OUTPUTS if one in tensors
    ]  # fmt: skip
    return {
        "name": "EmbedTrack " + re.sub("[^A-Za-z0-9_+() -]", "_", name)[:100],
        "description": "Cells in 2D time-lapse microscopy: offsets, bandwidths, seediness, links",
        "authors": [spec.Author(name=author) for author in authors or (AUTHOR,)],
        "cite": [spec.CiteEntry(text=text, doi=spec.Doi(doi)) for text, doi in CITED],
        "documentation": file("README.md"), "covers": [file("cover.png")],
        "tags": ["cells", "segmentation", "tracking", "2d", "time-lapse", "pytorch"],
        "inputs": inputs, "outputs": outputs, "weights": spec.WeightsDescr(torchscript=weights),
        "config": spec.Config(bioimageio=spec.BioimageioConfig(reproducibility_tolerance=tolerances)),
    }  # fmt: skip
