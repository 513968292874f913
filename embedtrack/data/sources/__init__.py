"""Movies of any kind, opened alike: ``open_movie`` in ``open.py``."""
