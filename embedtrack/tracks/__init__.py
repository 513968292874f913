"""From cells to tracks, lineages and valid results."""
