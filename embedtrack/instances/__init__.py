"""From maps to labelled cells."""
