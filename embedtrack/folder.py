"""The names of the files in a model's folder."""

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
CARD = "README.md"
