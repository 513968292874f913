"""Commands about this installation."""

import json as json_format
import logging
from typing import Annotated

import typer

from embedtrack.cli.common import SETUP, Device, finite

app = typer.Typer()


@app.command(rich_help_panel=SETUP)
def doctor(
    device: Device = "auto",
    seconds: Annotated[float, typer.Option(help="Length of the speed test; 0 for none.", min=0, callback=finite)] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether all works here, as text for a bug report; exit code 1 where something is broken."""
    from embedtrack.doctor.examine import examine
    from embedtrack.doctor.finding import line

    logging.getLogger("embedtrack").setLevel(logging.ERROR)  # the findings say it
    findings = []
    for finding in examine(device, seconds):
        findings.append(finding)
        if not json:
            typer.echo(line(finding))
    broken = sum(bool(finding.fault) for finding in findings)
    if json:
        typer.echo(json_format.dumps({"broken": broken, "findings": [finding._asdict() for finding in findings]}))
    else:
        typer.echo(f"{broken or 'nothing'} broken")
    raise typer.Exit(1 if broken else 0)
