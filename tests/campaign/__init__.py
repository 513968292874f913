"""Random faults over all commands, and what must hold whatever happens: ``python -m tests.campaign --minutes 10``."""
