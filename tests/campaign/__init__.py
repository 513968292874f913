"""Random faults over all commands, and what must hold whatever happens: ``python -m tests.campaign --minutes 10``."""

import os

# Commands run in forked children, in which the threads of the parent's OpenMP are not there: they would wait for them.
os.environ["OMP_NUM_THREADS"] = "1"
