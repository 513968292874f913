"""Networks that turn frames into maps."""
