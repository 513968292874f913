"""What the benchmark of the choice says of cases."""

from benchmarks.choice import Case, table


def test_rows_and_sums_leave_out_where_nothing_serves():
    made = [
        Case("A/01", False, "A", 0.9, "A", 0.9), Case("A/01", True, "B", 0.5, "C", 0.8),
        Case("B/01", False, "A", 0.88, "B", 0.9), Case("B/01", True, "C", 0.1, "A", 0.3),
    ]  # fmt: skip
    text = table(made)
    assert "| A/01 | left out | B | 0.500 | C | 0.800 |" in text
    assert "Own model there: right 2 of 2, SEG lost 0.010" in text
    assert "Own model left out: right 0 of 1, SEG lost 0.300" in text
