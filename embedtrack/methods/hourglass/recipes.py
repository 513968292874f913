"""How the recurrent hourglass is trained: small enough for a processor, and as it was published.

What the published recipe leaves of Payer et al. (2019): grey values are percentiles 1 and 99 to [0, 1] or asinh, not
.1 and 99.9 to [-1, 1]; views are flips, turns, zoom and stretch without elastic deformation; grey values vary less.
"""

from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.recipe import Augmentation, Recipe, Sampling

SMALL = Recipe(
    method=HourglassConfig(channels=16, levels=5, recurrent_from=1, length=4, squared=False),
    augmentation=Augmentation(affine=0.6, moving=0.0, appearance=0.0),
    sampling=Sampling(crop=128, large=0.0, anywhere=0.1, events=0.2),
    tracking_weight=0.0,
    pseudo_labels=0.0,
    average=0.99,
    batch=4,
    learning_rate=1e-3,
    validations=6,
)
"""A core's hours: 16 channels on 5 levels, ConvGRUs on all but the finest, where they cost most, windows of 4 frames.
The pull is that of 2018, which cannot halve a cell."""

PUBLISHED = Recipe(
    method=HourglassConfig(),
    augmentation=Augmentation(affine=1.0, zoom=1.5, stretch=1.3, moving=0.0, clahe=0.0, appearance=0.0),
    sampling=Sampling(crop=256, large=0.0, anywhere=0.1, events=0.2),
    scale=0.5,
    tracking_weight=0.0,
    pseudo_labels=0.0,
    batch=1,
    learning_rate=1e-4,
    schedule="halfway",
    weight_decay=1e-5,
    epochs=1000.0,
)
"""64 channels, 7 levels, windows of 8 frames of 256 x 256 pixels, one a step: a GPU's day."""

RECIPES = {"hourglass": SMALL, "hourglass-published": PUBLISHED}
"""By what ``embedtrack train --method`` calls them."""
