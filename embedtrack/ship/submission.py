"""The folder that the challenge asks for: scripts, weights and an environment that needs nothing of the host.

::

    FOLDER/description.txt         the method in the challenge's form, with the settings of each data set
    FOLDER/SW/DATASET-01.sh        reads ../DATASET/01, writes ../DATASET/01_RES
    FOLDER/SW/DATASET-01-ST.sh     the same for the generalizable track: writes ../DATASET/01_RES-ST
    FOLDER/SW/DATASET-01-link.sh   links the masks of ../DATASET/01_ERR_SEG, writes ../DATASET/01_RES
    FOLDER/SW/train-DATASET.sh     makes the weights anew, in trained/DATASET
    FOLDER/SW/embedtrack models environment

A model's folder is named DATASET, or DATASET-ST and so on where the weights know only that truth, or allST where one
network serves every data set.
"""

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from embedtrack.challenge.convention import INSTALLED, REPOSITORY, models
from embedtrack.challenge.datasets import DATASETS
from embedtrack.challenge.revision import revision as built_from
from embedtrack.files.guard import clipped
from embedtrack.files.whole import new_file, new_folder
from embedtrack.model_files import CARD, CONFIG, WEIGHTS, names_in
from embedtrack.ship import portable
from embedtrack.ship.description import describe

log = logging.getLogger(__name__)

CONFIGURATIONS = ("GT", "ST", "GT+ST", "allGT", "allST", "allGT+allST")
"""What a network of the generalizable track was trained on: gold or silver truth, of its data set or of all."""
SEQUENCES = ("01", "02")
HEAD = """\
#!/bin/sh
# {purpose}
case "$0" in */*) cd "${{0%/*}}" || exit ;; esac
"""
TRACK = """\
EMBEDTRACK_REVISION={revision} exec ./environment/bin/python -m embedtrack infer "../{dataset}/{sequence}" \\
    --model "models/{model}" --out "../{dataset}/{sequence}_RES{suffix}" "$@"
"""
LINK = """\
EMBEDTRACK_REVISION={revision} exec ./environment/bin/python -m embedtrack link "../{dataset}/{sequence}_ERR_SEG" \\
    --raw "../{dataset}/{sequence}" --model "models/{model}" --out "../{dataset}/{sequence}_RES" "$@"
"""
TRAIN = """\
# Only the truth of this configuration is shown: {truth}.
shown="$(mktemp -d)" && trap 'rm -rf "$shown"' EXIT || exit
for dataset in {datasets}; do
    for sequence in 01 02; do
        from="$(cd .. && pwd)/$dataset/$sequence"
        mkdir -p "$shown/$dataset/${{sequence}}_GT"
        ln -s "$from" "$shown/$dataset/$sequence"
        ln -s "${{from}}_GT/TRA" "$shown/$dataset/${{sequence}}_GT/TRA"
{links}
    done
done
./environment/bin/python -m embedtrack train {shown} --out "trained/{model}" "$@"
"""
LINKS = {
    "GT": '        [ ! -d "${from}_GT/SEG" ] || ln -s "${from}_GT/SEG" "$shown/$dataset/${sequence}_GT/SEG"',
    "ST": '        [ ! -d "${from}_ST" ] || ln -s "${from}_ST" "$shown/$dataset/${sequence}_ST"',
}


class Entry(NamedTuple):
    """A model and a data set that it serves."""

    dataset: str
    model: str
    configuration: str
    """One of CONFIGURATIONS, or empty for the data set's own weights."""


def write(folder: Path, datasets: list[str] | None = None, *, overwrite: bool = False) -> Path:
    """Write the description and ``SW``.

    Args:
        folder: gets both; an older ``SW`` there is an error.
        datasets: by default all that have weights.
        overwrite: replace a ``description.txt`` that is not of our own.

    Returns:
        ``SW``.

    Raises:
        ValueError: no weights for one of the data sets, or the folder is in use.
    """
    if INSTALLED:
        raise ValueError("expected to run in a checkout, whose licence and requirements go along; this came as a wheel")
    chosen = entries(models(), datasets)
    software = folder / "SW"
    if software.exists():
        raise ValueError(f"expected no {software} yet, got one; remove it, or choose another --out")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"expected --out to name a folder, got the file {folder}; choose another --out")
    with new_file(folder / "description.txt", overwrite=overwrite) as text, new_folder(software, "SW") as new:
        _fill(new, chosen)
        used = {entry.dataset: new / "models" / entry.model / CONFIG for entry in reversed(chosen)}
        text.write_text(describe(dict(sorted(used.items()))))
    return software


def _fill(software: Path, chosen: list[Entry]) -> None:
    """Make ``SW``, and try it."""
    _copy_package(software, {entry.model for entry in chosen})
    log.info("copying the environment")
    portable.build(software / "environment", (REPOSITORY / "requirements.txt").read_text().split())
    for name, text in scripts(chosen).items():
        (software / name).write_text(text)
        (software / name).chmod(0o755)
    _warm(software, chosen[0].model)


def entries(folder: Path, datasets: list[str] | None = None) -> list[Entry]:
    """What can be submitted with the weights in a folder of models.

    Raises:
        ValueError: nothing, or nothing for one of the data sets, or one that is not of the challenge.
    """
    names = names_in(folder)
    own = [Entry(name, name, "") for name in names if name in DATASETS]
    special = [
        Entry(dataset, model, configuration)
        for configuration in CONFIGURATIONS
        for dataset in DATASETS
        for model in (f"{dataset}-{configuration}", configuration)
        if model in names and (model != configuration or configuration.startswith("all"))
    ]
    found = [entry for entry in own + special if datasets is None or entry.dataset in datasets]
    unknown = sorted(set(datasets or ()) - set(DATASETS))
    if unknown:
        raise ValueError(f"expected data sets of the challenge ({', '.join(DATASETS)}), got {', '.join(unknown)}")
    missing = sorted(set(datasets or ()) - {entry.dataset for entry in found})
    if missing or not found:
        raise ValueError(
            f"expected weights of {', '.join(missing) or 'a data set of the challenge'} in {folder}, found "
            f"{', '.join(names) or 'none'}; train them with train_all.sh"
        )
    return found


def scripts(chosen: list[Entry]) -> dict[str, str]:
    """The scripts of ``SW`` by name."""
    result, revision = {}, built_from()
    for entry in chosen:
        suffix = f"-{entry.configuration}" if entry.configuration else ""
        for sequence in SEQUENCES:
            out = f"../{entry.dataset}/{sequence}_RES{suffix}"
            head = HEAD.format(purpose=f"Segments and tracks ../{entry.dataset}/{sequence}, writes {out}.")
            body = TRACK.format(**entry._asdict(), sequence=sequence, suffix=suffix, revision=shlex.quote(revision))
            result[f"{entry.dataset}-{sequence}{suffix}.sh"] = head + body
            if not suffix:
                result[f"{entry.dataset}-{sequence}-link.sh"] = _linking(entry, sequence, revision)
        result[f"train-{entry.model}.sh"] = _training(entry)
    return result


def _linking(entry: Entry, sequence: str, revision: str) -> str:
    """The script for the linking benchmark, which gives masks with faults beside the movie."""
    masks, out = (f"../{entry.dataset}/{sequence}_{what}" for what in ("ERR_SEG", "RES"))
    head = HEAD.format(purpose=f"Links the masks of {masks}, writes {out}.")
    return head + LINK.format(**entry._asdict(), sequence=sequence, revision=revision)


def _training(entry: Entry) -> str:
    """The script that makes a model anew; its own weights take silver truth and gold together."""
    truth = entry.configuration.replace("all", "") or "GT+ST"
    datasets = sorted(DATASETS) if entry.configuration.startswith("all") else [entry.dataset]
    links = "\n".join(LINKS[kind] for kind in truth.split("+"))
    head = HEAD.format(purpose=f"Trains trained/{entry.model} on ../{', ../'.join(datasets)}.")
    return head + TRAIN.format(
        truth=f"{truth} masks and the tracking markers",
        datasets=" ".join(f'"{name}"' for name in datasets),
        shown=" ".join(f'"$shown/{name}"' for name in datasets),
        links=links,
        model=entry.model,
    )


def _copy_package(software: Path, chosen: set[str]) -> None:
    """This package, its licence and the chosen models, without what a run does not read."""
    shutil.copytree(REPOSITORY / "embedtrack", software / "embedtrack", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "requirements.txt"):
        shutil.copy(REPOSITORY / name, software / name)
    for name in sorted(chosen):
        (software / "models" / name).mkdir(parents=True)
        for file in (WEIGHTS, CONFIG, CARD):
            if (models() / name / file).is_file():
                shutil.copy(models() / name / file, software / "models" / name / file)


def _warm(software: Path, model: str) -> None:
    """A first run with the copied environment: it proves it, and leaves the compiled code of what runs need."""
    log.info("trying it on a simulated movie, which compiles what runs need")
    with tempfile.TemporaryDirectory(dir=software.parent) as scratch:  # within what the next run removes
        movie = Path(scratch) / "warm"
        for words in (
            ["simulate", movie, "--frames", "3", "--size", "128", "128", "--cells", "4"],
            ["infer", movie / "01", "--model", f"models/{model}", "--out", movie / "01_RES", "--device", "cpu"],
        ):
            command = ["environment/bin/python", "-m", "embedtrack", *map(str, words)]
            keeping = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
            run = subprocess.run(command, cwd=software, env=keeping, capture_output=True, text=True, check=False)
            if run.returncode:
                raise ValueError(f"expected the copied environment to run, got: {clipped(run.stderr.strip(), 1000)}")
