"""The challenge's data sets, a row each: what its rules fix, how we train on it, and what others have reached."""

from typing import Literal

from embedtrack.settings import Settings

SEG_TRA = tuple[float, float]

TERMS = """\
Movies of the Cell Tracking Challenge (https://celltrackingchallenge.net) are free to use for work on the challenge and
may not be redistributed. Cite Maška et al., Nature Methods 2023, and Ulman et al., Nature Methods 2017.
"""


class DataSet(Settings):
    """One data set; the defaults hold for movies that are none of the challenge's."""

    border: int = 0
    """E: cells lying wholly within this many pixels of the frame's edge are not scored and are removed."""
    cycle_tolerance: int = 3
    """i of BC(i): a division may be off by this many frames."""
    kind: Literal["fluorescence", "other"] = "other"
    """Fluorescence: bright cells of very different brightness on a dark ground, normalised by asinh."""
    published: SEG_TRA | None = None
    """SEG and TRA of the published program on the hidden movies, trained on both training movies."""
    payer: SEG_TRA | None = None
    """SEG and TRA of Payer et al. 2019, cross-validated over the two training movies."""


DATASETS: dict[str, DataSet] = {
    "BF-C2DL-HSC": DataSet(border=25, published=(0.826, 0.985)),
    "BF-C2DL-MuSC": DataSet(border=25, published=(0.782, 0.974)),
    "DIC-C2DH-HeLa": DataSet(border=50, published=(0.824, 0.934), payer=(0.780, 0.924)),
    "Fluo-C2DL-Huh7": DataSet(border=50),
    "Fluo-C2DL-MSC": DataSet(border=50, kind="fluorescence", published=(0.579, 0.693)),
    "Fluo-N2DH-GOWT1": DataSet(border=50, kind="fluorescence", published=(0.929, 0.951), payer=(0.777, 0.976)),
    "Fluo-N2DH-SIM+": DataSet(border=0, kind="fluorescence", published=(0.830, 0.979)),
    "Fluo-N2DL-HeLa": DataSet(border=25, cycle_tolerance=1, kind="fluorescence", published=(0.906, 0.992)),
    "PhC-C2DH-U373": DataSet(border=50, published=(0.920, 0.982), payer=(0.748, 0.951)),
    "PhC-C2DL-PSC": DataSet(border=25, cycle_tolerance=2, published=(0.740, 0.968)),
}
