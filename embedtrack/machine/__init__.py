"""The machine at work: its devices and memory, and threads that work at the same time."""
