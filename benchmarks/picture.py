"""A picture of a result: ``python -m benchmarks.picture demo/01 demo/01_RES docs/demo.jpg``.

Some frames side by side, each cell with its outline and its track's number; a family keeps one colour.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

from embedtrack.data import ctc
from embedtrack.types import Labels, Track

# Okabe and Ito's colours, which colour-blind people tell apart, as (blue, green, red).
COLOURS = ((0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0), (0, 94, 213), (167, 121, 204))


def families(tracks: list[Track]) -> dict[int, int]:
    """Track -> the first of its ancestors."""
    founder: dict[int, int] = {}
    for track in sorted(tracks, key=lambda track: track.begin):
        founder[track.label] = founder.get(track.parent, track.label)
    return founder


def draw(image: NDArray[np.generic], labels: Labels, founder: dict[int, int], scale: int = 2) -> NDArray[np.uint8]:
    """One frame [H, W] with its cells -> uint8[scale H, scale W, 3]."""
    frame = image.astype(np.float32)
    low, high = np.percentile(frame, (1, 99.7))
    grey = np.clip((frame - low) / max(high - low, 1) * 200, 0, 200).astype(np.uint8)
    size = (image.shape[1] * scale, image.shape[0] * scale)
    canvas = cv2.cvtColor(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    large = np.kron(labels, np.ones((scale, scale), np.int32))
    outline = find_boundaries(large, mode="inner")  # type: ignore[no-untyped-call]
    for label in np.unique(labels[labels > 0]).tolist():
        colour = COLOURS[founder[label] % len(COLOURS)]
        canvas[outline & (large == label)] = colour
        y, x = np.argwhere(large == label).mean(axis=0)
        cv2.putText(
            canvas, str(label), (int(x) - 10, int(y) + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA
        )
    return np.asarray(canvas, np.uint8)


def main(
    sequence_folder: Annotated[Path, typer.Argument(help="The movie.")],
    result_folder: Annotated[Path, typer.Argument(help="Its result.")],
    out: Annotated[Path, typer.Argument(help="The picture to write, PNG or JPEG.")],
    count: Annotated[int, typer.Option(help="How many frames, evenly spaced.")] = 3,
) -> None:
    """Write the picture."""
    sequence = ctc.open_sequence(sequence_folder)
    founder = families(ctc.read_tracks(result_folder / "res_track.txt"))
    times = np.linspace(0, len(sequence) - 1, count).round().astype(int).tolist()
    frames = [
        draw(ctc.read_frame(sequence.paths[t]), ctc.read_labels(result_folder / sequence.mask_name(t)), founder)
        for t in times
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), np.hstack(frames))


if __name__ == "__main__":
    typer.run(main)
