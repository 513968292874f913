"""Many movies by a table, on this machine or a cluster; see docs/batches.md.

    snakemake --snakefile benchmarks/batch.smk --cores 2 --config table=movies.csv out=results
    snakemake --snakefile benchmarks/batch.smk --workflow-profile benchmarks/slurm --config table=movies.csv out=results

The table is that of ``embedtrack infer movies.csv --out-dir results``, and so is what comes of it. Settings:

    table     the movies, a line each
    out       where everything goes                            default: results
    views     1, 2, 4 or 8                                     default: 4
    options   further ones of infer, e.g. "--measure --tile 1024" default: none
    gpu       GPUs of a job                                    default: 0
    memory    megabytes that a job asks for                    default: 8000
    minutes   that a job may take                              default: 240
    image     a container image for every job                  default: none, this environment
    python    the interpreter with the packages                default: the one that runs Snakemake
"""

import sys
from pathlib import Path
from shlex import quote

REPOSITORY = Path(workflow.basedir).parent
sys.path.insert(0, str(REPOSITORY))

from embedtrack.batch.jobs import jobs_of
from embedtrack.batch.outcome import place_of

try:
    table = Path(config.get("table") or "movies.csv")
    names = list(jobs_of([table], {}))
except ValueError as error:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(2)
out, views, options = Path(config.get("out", "results")), config.get("views", 4), config.get("options", "")
inside = bool(config.get("image"))
python = "python3" if inside else config.get("python", sys.executable)
# Within an image its own program is at work, not the one beside this file.
run = f"PYTHONPATH={'/opt/embedtrack' if inside else quote(str(REPOSITORY))} {quote(python)} -m embedtrack"

if inside:
    container: config["image"]


wildcard_constraints:
    name=".+",


rule all:
    input:
        out / "summary.html",


# A movie that fails leaves an outcome that says why, and the others go on; a job that was killed leaves none.
rule movie:
    output:
        place_of(out, "{name}"),
    log:
        out / "logs" / "{name}.log",
    threads: 2
    resources:
        mem_mb=config.get("memory", 8000),
        runtime=config.get("minutes", 240),
        gpu=config.get("gpu", 0),
    shell:
        "{run} infer {table:q} --out-dir {out:q} --only {wildcards.name:q} --views {views} --threads {threads} {options}"
        " 2> {log:q} || test -s {output:q}"


rule summary:
    input:
        [place_of(out, name) for name in names],
    output:
        out / "summary.html",
    resources:
        mem_mb=500,
        runtime=5,
    shell:
        "{run} summary {out:q} || test -s {output:q}"
