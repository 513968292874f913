"""Methods that find cells in frames: each a folder, known to the rest by ``embedtrack/method.py`` alone."""
