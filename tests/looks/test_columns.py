"""The columns are those of the page that explains them."""

from pathlib import Path

from embedtrack.looks.columns import CELLS, TRACKS

ROOT = Path(__file__).parents[2]


def test_every_column_is_documented():
    page = (ROOT / "docs" / "looking.md").read_text()
    assert [name for name in (*CELLS, *TRACKS) if f"| `{name}` |" not in page] == []
    assert [text for text in (*CELLS.values(), *TRACKS.values()) if f"| {text} |" not in page] == []
