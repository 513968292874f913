"""What holds for all tests."""

import signal

# A shell starts what runs in the background deaf to Ctrl-C, and children inherit that: tests that send it would fail.
signal.signal(signal.SIGINT, signal.default_int_handler)
