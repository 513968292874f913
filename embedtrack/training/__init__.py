"""From annotated movies to a model: the loop, calibration, what is left to look at."""
