"""Scores of the shipped weights on all movies at hand: ``python -m benchmarks.reproduce [options of snakemake]``.

E.g. ``--config views=1``, ``--cores 4``, ``--dry-run``; what was done already is not done again, and after a kill
``--unlock`` frees the folder. The table is in ``results/table.md``.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Start Snakemake on the Snakefile beside this file."""
    if find_spec("snakemake") is None:
        sys.exit("error: expected Snakemake, found none; pip install -e '.[benchmarks]'")
    words = sys.argv[1:]
    if not {"--cores", "-c", "--jobs", "-j", "--workflow-profile"} & {word.split("=")[0] for word in words}:
        words += ["--cores", str(len(os.sched_getaffinity(0)))]
    snakefile = Path(__file__).with_name("Snakefile")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--rerun-incomplete", *words]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
