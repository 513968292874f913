"""Drawn movies of dividing nuclei with complete truth."""
