import numpy as np
import pytest
import torch

from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedseg.loss import embedseg_loss
from embedtrack.methods.embedseg.recipes import OURS, PUBLISHED, RECIPES
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import BACKGROUND, Cells
from embedtrack.movies.normalise import normalise
from embedtrack.recipe import Recipe
from embedtrack.training.schedules import one_cycle, polynomial
from embedtrack.truth.holdout import split
from tests.drawings import draw
from tests.methods.embedseg.test_embedseg_samples import images


def test_recipes_survive_a_card():
    """What a resumed training is compared with."""
    for recipe in RECIPES.values():
        again = Recipe.model_validate_json(recipe.model_dump_json())
        assert again == recipe
        assert isinstance(again.method, EmbedSegConfig)


def test_the_norms_see_whole_batches():
    """Gathered from pieces of one or two crops, their statistics would be those of the pieces."""
    assert PUBLISHED.batch == 16
    assert OURS.batch >= 4


def test_the_published_schedule():
    assert polynomial(0.0, 5e-4) == 5e-4
    assert polynomial(0.5, 1.0) == pytest.approx(0.5**0.9)
    assert polynomial(1.0, 5e-4) == 0
    assert (PUBLISHED.schedule, PUBLISHED.learning_rate, PUBLISHED.weight_decay) == ("polynomial", 5e-4, 1e-4)
    assert OURS.schedule == "one-cycle"
    assert one_cycle(0.3, 1e-3) == 1e-3


def test_the_published_grey_values():
    """Percentiles 1 and 99.8 become 0 and 1, and what lies beyond is not clipped."""
    image = np.random.default_rng(0).permutation(10_000).astype(np.uint16).reshape(100, 100)
    frame = normalise(image, PUBLISHED.normalisation)
    low, high = np.percentile(image, (1, 99.8))
    np.testing.assert_allclose(frame, (image - low) / (high - low), atol=1e-5)
    assert frame.max() > 1
    assert frame.min() < 0


def test_images_that_validate_train_nothing():
    """A sixth of them, and one at least."""
    many = images(*(draw((40, 40), {n: ((20, 20), 5 + n % 7)}) for n in range(1, 41)))
    training, validation = split([many], PUBLISHED.validation)
    assert (len(training[0].frames), len(validation[0].frames)) == (34, 6)
    assert not {label for one in training[0].centres for label in one} & {
        label for one in validation[0].centres for label in one
    }


@pytest.mark.parametrize("recipe", [OURS, PUBLISHED], ids=["ours", "published"])
def test_gradients_are_finite_without_cells(recipe: Recipe):
    """And of a crop of one pixel's cell."""
    assert isinstance(recipe.method, EmbedSegConfig)
    for count in (0, 1):
        parts = [torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 0.5), torch.full((1, 8, 8), 0.3)]
        maps = Maps(*(part.requires_grad_() for part in parts), torch.zeros(0, 2, 8, 8))
        instances = torch.full((1, 8, 8), BACKGROUND)
        instances[0, 4, 4 : 4 + count] = 0
        centres = torch.full((count, 2), 4.0) * recipe.pixel_size
        cells = Cells(instances, centres, torch.zeros(count, dtype=torch.int64), torch.zeros(count, dtype=torch.bool))
        embedseg_loss(maps, cells, recipe.method, recipe.pixel_size, 10.0).total.backward()
        for part in parts:
            assert part.grad is None or bool(torch.isfinite(part.grad).all())
        assert parts[2].grad is not None
