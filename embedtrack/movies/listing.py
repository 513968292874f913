"""What lies in a folder that holds no frames, and what to do with it."""

from collections import Counter
from pathlib import Path

from embedtrack.movies.microscope import READERS
from embedtrack.movies.video import VIDEOS

FOREIGN = (".oib", ".oif", ".vsi", ".dv", ".ims", ".zvi", ".ics", ".nrrd", ".h5", ".mat", ".npy", ".sldy", ".xdce")
"""Of microscopes and programs; some of them bioio can read."""
STILLS = (".gif", ".webp", ".jp2", ".heic", ".svg", ".pdf", ".psd", ".dcm", ".raw", ".cr2")
"""Pictures that are not read."""


def inside(folder: Path) -> str:
    """What a folder holds instead of images, and what a user can do: ``4 .gif, which are not read; save ...``."""
    shown = sorted(path for path in folder.iterdir() if path.name[0] != ".")
    folders = [path.name for path in shown if path.is_dir()]
    files = [path for path in shown if not path.is_dir()]
    movies = [path.name for path in files if path.suffix.lower() in (*READERS, *VIDEOS)]
    if movies:
        return f"{_counted(files)}; name one of the files: {', '.join(movies[:5])}"
    if any(path.suffix.lower() in STILLS for path in files):
        return f"{_counted(files)}, which are not read; save them as .tif or .png"
    if any(path.suffix.lower() in FOREIGN for path in files):
        return f"{_counted(files)}; name one of the files, if bioio has a reader for it, or save the movie as OME-TIFF"
    if folders:
        return f"none; name one of the folders in it: {', '.join(folders[:5])}"
    return f"{_counted(files)}; check the path" if files else "none; check the path"


def _counted(files: list[Path]) -> str:
    """``4 .gif and 1 .txt``."""
    endings = Counter(path.suffix.lower() or "file without ending" for path in files)
    return " and ".join(f"{count} {ending}" for ending, count in endings.most_common(3))
