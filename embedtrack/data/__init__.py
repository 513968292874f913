"""Files, samples, tiles: how images enter and results leave."""
