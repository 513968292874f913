"""The files of a model's folder: their names, and the hash by which weights are known."""

import hashlib
import re
from pathlib import Path

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
CARD = "README.md"


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
