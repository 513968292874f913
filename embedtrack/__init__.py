"""EmbedTrack: segment and track cells in 2D time-lapse microscopy (Löffler & Mikut 2022)."""

__version__ = "0.1.0"
