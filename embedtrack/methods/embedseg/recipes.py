"""How EmbedSeg is trained: as we do it, and as it was published, as near as this program comes.

What the published recipe leaves of ours: all output layers begin at zero, not only the bandwidth's; a cell that a crop
cuts points at the medoid of what is left of it, not of the whole; holes in masks stay; the eight views are averaged
after tanh and sigmoid; a pixel goes to its best centre, not to the last one that claims it; the best weights are those
with the best clustered validation images, where the published program clusters with the true centres. The batch is
that of the published repository, 16, in one piece: gathered from batches of 2 the norms see two crops at a time.
"""

from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Augmentation, Recipe, Sampling

OURS = Recipe(
    method=EmbedSegConfig(),
    augmentation=Augmentation(moving=0.0, appearance=0.0),
    tracking_weight=0.0,
    pseudo_labels=0.0,
    validation=0.15,
    dropout=0.1,
    learning_rate=1e-3,
    average=0.99,
)
"""As EmbedTrack's recipe, but that as many images validate as published, and that dropout, learning rate and the
average of the weights are those of the model of all cells."""

PUBLISHED = Recipe(
    method=EmbedSegConfig(
        pixel_size=1 / 1023,
        clustering=Clustering(
            seed_threshold=0.9, mask_threshold=0.5, reach=None, min_votes=0, smoothing=1, min_cell_size=37
        ),
        bandwidth="raw",
        crops="centred",
        seed_loss="pixels",
        foreground_weight=10.0,
        calibrated=False,
    ),
    pixel_size=1 / 1023,
    normalisation=Normalisation(high=99.8, floor=1e-3),
    augmentation=Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0, appearance=0),
    sampling=Sampling(crop=256, large=0, anywhere=0, events=0),
    scale=1.0,
    tracking_weight=0.0,
    pseudo_labels=0.0,
    validation=0.15,
    dropout=0.3,
    batch=16,
    learning_rate=5e-4,
    schedule="polynomial",
    weight_decay=1e-4,
    epochs=200.0,
    validations=40,
)
"""The paper's and its repository's numbers; for cells larger than 200 pixels the paper takes crops of 512."""

RECIPES = {"embedseg": OURS, "embedseg-published": PUBLISHED}
"""By what ``embedtrack train --method`` calls them."""
