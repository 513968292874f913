"""The description of the method that a submission carries, with the settings that its models hold."""

from pathlib import Path

from embedtrack import __version__
from embedtrack.challenge.datasets import DATASETS
from embedtrack.checkpoint import read_config
from embedtrack.config import ModelConfig

TEXT = """\
EmbedTrack {version}
{rule}

SUMMARY

One branched convolutional network (ERFNet) sees frames t and t-1 and predicts for every pixel an offset to the centre
of its cell, a clustering bandwidth, a seediness, and an offset to the cell's centre one frame ago. Clustering the
first three makes masks; the last links them backwards in time. The method is that of Löffler & Mikut [1].

PREPROCESSING

Frames are resized to the scale at which the network has seen cells (1 for most data sets) and normalised frame by
frame: "percentile" maps the grey values of percentiles 1 and 99 to 0 and 1, the range never below a multiple of the
background's noise; "asinh" is asinh((x - median) / 2 sigma) / 2 with sigma the background's noise.

SEGMENTATION

Two symmetries of the square (the frame as it is and turned by half), or four (its diagonal reflections too), or the
frame alone, as each data set's configuration says, are predicted, undone and averaged. Whole frames are predicted at
once where memory allows, else overlapping tiles, blended. Pixels whose seediness exceeds the mask threshold point at
their cell's centre; pixels at which more than a number of others point and whose seediness exceeds the seed threshold
are candidates for centres. In falling seediness each candidate takes the pixels with
d = exp(-sum_k S_k (c_k - e_k)^2) > 0.5, S the bandwidth; a pixel goes to the centre for which that is highest. Then the
masks are refined: each cell takes the pixels whose d to its mean centre, with its mean bandwidth (means weighted by
seediness), exceeds the reach and is the highest of all cells. A cell without a pixel at its own centre or beside it is
dropped: it is the rim of another one. Instances smaller than the least cell size are dropped.

TRACKING

The pixels of each mask at t, shifted by their tracking offset as the unturned frame has it, vote for masks at t-1 and
up to two frames before. An integer linear programme over a window of frames (solved by HiGHS) then decides which masks
are cells, which cell comes from which, which appear, disappear or divide, and which masks are two cells and are cut;
its costs are log-odds that were learnt from annotated movies: of how likely a mask is a cell, of a link by the share of
votes, of a division by the daughters' sizes and by how long they live. A cell that is missed for a few frames and found
again is joined across the gap: missing masks are filled in, so that each track is present in every frame of its span.

POST-PROCESSING

Masks wholly within E pixels of the frame's edge are removed (E is the challenge's for each data set); tracks that this
cuts are split or trimmed. The result is checked against the rules before it is put in its place.

SETTINGS

{settings}

PREREQUISITES

Linux on x86-64; nothing else. The folder SW holds an interpreter, all packages and all libraries down to the C library.
No network, no installation and no GPU are needed; a CUDA device is used where the environment holds CUDA and the host
its driver. Run the scripts with SW as the working folder, e.g. ./{example}-01.sh
The scripts train-*.sh make the weights anew, in SW/trained; those in SW/models stay as they are.

REFERENCES

[1] Löffler & Mikut, EmbedTrack: simultaneous cell segmentation and tracking through learning offsets and clustering
    bandwidths, IEEE Access 2022
[2] Lalit et al., Embedding-based instance segmentation in microscopy (EmbedSeg), MIDL 2021
[3] Neven et al., Instance segmentation by jointly optimizing spatial embeddings and clustering bandwidth, CVPR 2019
[4] Romera et al., ERFNet: efficient residual factorized ConvNet for real-time semantic segmentation, IEEE T-ITS 2018

This text was written by embedtrack.
"""


def describe(configs: dict[str, Path]) -> str:
    """The description that the challenge asks for, as plain text.

    Args:
        configs: data set -> the ``config.json`` of the model that serves it.
    """
    settings = "\n".join(_settings(dataset, read_config(path)) for dataset, path in configs.items())
    title = f"EmbedTrack {__version__}"
    return TEXT.format(version=__version__, rule="=" * len(title), settings=settings, example=next(iter(configs)))


def _settings(dataset: str, config: ModelConfig) -> str:
    """The thresholds and sizes with which one data set was tracked."""
    return "\n".join(
        (
            dataset,
            f"    scale {config.scale:g}, normalisation {config.normalisation.method}, largest tile {config.tile}",
            *(f"    {line}" for line in config.method.implementation().describe(config)),
            f"    gaps of up to {config.linking.max_gap} frames are closed, E = {DATASETS[dataset].border} pixels",
        )
    )
