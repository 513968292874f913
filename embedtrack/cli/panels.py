"""How ``--help`` groups the commands, in the order of the work; each command names its own: ``rich_help_panel=``."""

from typing import Final

TRAIN: Final = "Train"
INFER: Final = "Infer"
EVALUATE: Final = "Evaluate"
LOOK: Final = "Look"
EXCHANGE: Final = "Exchange"
SETUP: Final = "This installation"
PANELS: Final = (TRAIN, INFER, EVALUATE, LOOK, EXCHANGE, SETUP)
