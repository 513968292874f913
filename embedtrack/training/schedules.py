"""How the learning rate changes in a training.

Each is a function of progress in [0, 1] alone: there is no scheduler whose state could be lost.
"""

import math

WARM_UP = 0.3
"""Share of the training in which the learning rate rises."""


def one_cycle(progress: float, peak: float) -> float:
    """The learning rate (Smith 2018): a cosine up from peak / 25 in the first 30 %, then one down to peak / 10,000."""
    if progress < WARM_UP:
        low, share = peak / 25, progress / WARM_UP
    else:
        low, share = peak / 1e4, (1 - progress) / (1 - WARM_UP)
    return low + (peak - low) * (1 - math.cos(math.pi * share)) / 2


def polynomial(progress: float, begin: float) -> float:
    """The learning rate of EmbedSeg (Lalit et al. 2021): begin (1 - progress)^0.9."""
    return float(begin * (1 - progress) ** 0.9)


def halfway(progress: float, begin: float) -> float:
    """The learning rate of Payer et al. (2019): a tenth in the second half."""
    return begin if progress < 0.5 else begin / 10


SCHEDULES = {"one-cycle": one_cycle, "polynomial": polynomial, "halfway": halfway}
"""By what a recipe calls them."""
