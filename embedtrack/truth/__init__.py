"""Annotated movies: what they say, what follows from it, and how samples vary."""
