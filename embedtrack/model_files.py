"""The files of a model's folder: their names, and the hash by which weights are known."""

import hashlib
import re
from pathlib import Path

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
CARD = "README.md"
NUMBER = re.compile(r"[0-9]*\.?[0-9]+")


def names_in(folder: Path) -> list[str]:
    """The models in a folder, by name: its folders with weights."""
    return sorted(path.parent.name for path in folder.glob(f"*/{WEIGHTS}"))


def digest(path: Path) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def noted_digest(card: Path) -> str:
    """The SHA-256 that a card notes of its weights; empty where it notes none."""
    found = re.search("sha256 `?([0-9a-f]{64})", card.read_text(encoding="utf-8")) if card.is_file() else None
    return found[1] if found else ""


def noted_scores(card: Path) -> dict[str, float]:
    """The means of the last table of scores in a card, of the rows with the most views: measure -> value.

    Empty where a card has no such table.
    """
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    section = text.partition("\n## Scores\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\|\n?)+", section, re.M)
    if not tables:
        return {}
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in tables[-1].splitlines())
    found = [dict(zip(head, row, strict=False)) for row in rows]
    most = max((one.get("views", "") for one in found), default="")
    kept = [one for one in found if one.get("views", "") == most]
    numbers = {name: [float(one[name]) for one in kept if NUMBER.fullmatch(one.get(name, ""))] for name in head}
    return {name: sum(them) / len(them) for name, them in numbers.items() if them and name not in ("frames", "views")}


def noted_data(card: Path) -> list[str]:
    """The movies and images that trained a model, as its card names them."""
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    section = text.partition("\n## Data and terms\n")[2].partition("\n## ")[0]
    return re.findall(r"^- ([^:\n]+):", section, re.M)


def noted_validation(card: Path) -> dict[str, range]:
    """``DATASET/SEQUENCE`` -> the numbers of the frames that validated and did not train, where a card names them."""
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    found = re.findall(r"^- ([^:\n]+):.* frames (\d+) to (\d+) validate$", text, re.M)
    return {name: range(int(first), int(last) + 1) for name, first, last in found}


def noted_terms(card: Path) -> str:
    """What a card says of sharing the weights, in a word or two."""
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return "free" if "may be used and shared freely" in " ".join(text.split()) else "ask their owner"
