"""Commands about this installation: does it work, and which models it has."""

import json as json_format
import logging
from typing import Annotated, Any

import typer

from embedtrack.cli.options import Device, Json, finite
from embedtrack.cli.panels import SETUP

app = typer.Typer()


@app.command(rich_help_panel=SETUP)
def doctor(
    device: Device = "auto",
    seconds: Annotated[float, typer.Option(help="Length of the speed test; 0 for none.", min=0, callback=finite)] = 10,
    json: Json = False,
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


@app.command(rich_help_panel=SETUP)
def models(json: Json = False) -> None:
    """List the shipped models: the cells that they know, their scores and the terms of their weights."""
    from rich.console import Console
    from rich.table import Column, Table

    from embedtrack.challenge.convention import model_names
    from embedtrack.challenge.convention import models as place
    from embedtrack.checkpoint import read_config
    from embedtrack.model_files import CARD, CONFIG, noted_data, noted_scores, noted_terms

    found: list[dict[str, Any]] = []
    for name in model_names():
        config, card = read_config(place() / name / CONFIG), place() / name / CARD
        found.append(
            {
                "name": name, "method": config.method.name, "diameter": config.learnt_diameter,
                "image": "bright on dark" if config.normalisation.bright else "any contrast",
                "scores": noted_scores(card), "data": noted_data(card), "weights": noted_terms(card),
            }
        )  # fmt: skip
    if json:
        typer.echo(json_format.dumps({"folder": str(place()), "models": found}))
        return
    if not found:
        raise ValueError(f"expected models in {place()}, got none; train one: embedtrack train")
    named = Column("model", no_wrap=True, overflow="fold")  # --model asks for it
    table = Table(named, "cells, pixels across", "image", "scores on frames that trained nothing", "weights")
    for one in found:
        scores = ", ".join(f"{name} {value:.2f}" for name, value in one["scores"].items())
        table.add_row(one["name"], f"{one['diameter'] or 0:g}", one["image"], scores, one["weights"])
    Console(width=None).print(table)
