import numpy as np
import pytest
import torch
from torch import nn

from embedtrack.challenge.scores import jaccards
from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import SYMMETRIES, do
from embedtrack.methods.embedseg import method
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedseg.recipes import OURS, PUBLISHED
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import cells_of
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.recipe import Augmentation, Recipe, Sampling
from embedtrack.training.fit import step
from tests.drawings import STEP, draw, perfect_maps, touching
from tests.methods.embedseg.test_embedseg_samples import images

CELLS = draw((80, 112), {1: ((20, 24), 12), 2: ((24, 72), (10, 16)), 3: ((58, 44), (9, 14)), 4: ((60, 90), 8)})
PLAIN = Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0)
CPU = Options(views=1, device="cpu", compiling="off")


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label images show the same cells, whatever their numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1).T.tolist()
    return len(pairs) == len(np.unique(one)) == len(np.unique(other)) and [0, 0] in pairs


def small(recipe: Recipe, **changes: object) -> Recipe:
    sampling = Sampling(crop=64, large=0, anywhere=0)
    return recipe.model_copy(
        update={"sampling": sampling, "augmentation": PLAIN, "batch": 2, "dropout": 0.0, **changes}
    )


def spoken() -> BranchedERFNet:
    """A network whose heads say something."""
    torch.manual_seed(1)
    network = BranchedERFNet(tracking=False)
    for part in (network.segmentation, network.seediness):
        nn.init.normal_(part[-1].weight, std=0.1)  # type: ignore[arg-type]
    return network.eval()


@pytest.mark.parametrize("recipe", [OURS, PUBLISHED], ids=["ours", "published"])
def test_perfect_maps_give_the_true_cells(recipe: Recipe):
    """By the published rules seeds are above .9."""
    for truth in (CELLS, touching().labels[0]):
        assert isinstance(recipe.method, EmbedSegConfig)
        clustering = recipe.method.clustering.model_copy(update={"min_cell_size": 1})
        settings = recipe.method.model_copy(update={"pixel_size": STEP, "clustering": clustering})
        maps = perfect_maps(truth, truth, {}, STEP)
        maps = maps._replace(seediness=np.float32(1.05) * maps.seediness, shift=np.zeros_like(maps.shift))
        cells = cells_of(maps, np.zeros_like(truth), maps.seediness, settings.clustering, STEP)
        assert same(cells.labels, truth)


def test_cells_link_by_overlap():
    """Each pixel was where it is: the tracking offset is zero, and nothing is kept of the frame before."""
    config = ModelConfig(method=EmbedSegConfig(clustering=Clustering(seed_threshold=0.45, mask_threshold=0.4)))
    frame = np.random.default_rng(0).normal(0, 1, (48, 64)).astype(np.float32)
    predictor = method.predictor(spoken(), config, CPU, 2)
    for _ in range(2):
        pending = predictor.launch(frame, (48, 64))
        cells = pending.cells()
        assert cells.labels.any()
        np.testing.assert_array_equal(cells.origin, np.arange(48 * 64).reshape(48, 64))
        assert pending.state() == {}


def test_there_is_no_tracking_decoder():
    with_one, without = BranchedERFNet(), BranchedERFNet(tracking=False)
    weights = sum(value.numel() for value in without.parameters())
    assert weights == sum(v.numel() for n, v in with_one.named_parameters() if not n.startswith("tracking"))
    assert round(weights / 1e6, 1) == 2.3
    assert "2.3 million" in EmbedSegConfig.title
    assert not any(name.startswith("tracking") for name in without.state_dict())


def test_a_config_knows_its_method():
    config = ModelConfig(method=EmbedSegConfig(clustering=Clustering(min_cell_size=7)))
    again = ModelConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert isinstance(again.method, EmbedSegConfig)
    assert again.method.implementation() is method
    with pytest.raises(ValueError, match="hourglasses"):
        ModelConfig.model_validate({"method": {"name": "hourglasses"}})


def test_what_is_not_calibrated_stays():
    ours, published = (ModelConfig(method=recipe.method) for recipe in (OURS, PUBLISHED))
    chosen = method.choose(ours, "mask_threshold", 0.25)
    assert chosen is not None
    assert chosen.method.clustering.mask_threshold == 0.25
    assert method.choose(published, "mask_threshold", 0.25) is None


def test_the_published_begin():
    """Bandwidth 1 everywhere, no bound, a grid of 1/1023, and the thresholds of the paper."""
    network, config = method.start([images(CELLS)], PUBLISHED)
    assert isinstance(network, BranchedERFNet)
    maps, _ = network.eval()(torch.zeros(1, 1, 32, 40), torch.zeros(0, 1, 32, 40))
    assert torch.equal(maps.bandwidth, torch.ones(1, 2, 32, 40))
    assert not maps.offset.any()
    assert config.method.pixel_size == 1 / 1023
    assert config.method.clustering == Clustering(
        seed_threshold=0.9, mask_threshold=0.5, reach=None, min_votes=0, smoothing=1, min_cell_size=37
    )
    radius = np.sqrt(np.log(2) / np.exp(10)) * 1023
    assert radius == pytest.approx(5.74, abs=0.01)


def test_ours_begins_with_the_median_cell():
    network, config = method.start([images(CELLS)], OURS)
    maps, _ = network.eval()(torch.zeros(1, 1, 32, 40), torch.zeros(0, 1, 32, 40))
    areas = [int((label == CELLS).sum()) for label in (1, 2, 3, 4)]
    radius = np.sqrt(np.log(2) / np.exp(10 * float(maps.bandwidth[0, 0, 0, 0].detach()))) * 255
    assert radius == pytest.approx(np.sqrt(np.median(areas) / np.pi), rel=1e-3)
    assert config.method.clustering.min_cell_size == int(np.percentile(areas, 1) / 2)


def test_a_short_training_fills_its_masks():
    """Of one crop: no mask is a checkerboard, and cells that touch are cells of their own."""
    truth = touching().labels[0]
    recipe = small(OURS)
    network, config = method.start([images(truth)], recipe)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    made = method.batch([images(truth)], recipe, 64, [np.random.default_rng(3)])
    for _ in range(120):
        step(method, network, optimiser, made, 2e-3, recipe, "float32")
    for module in network.modules():  # the statistics of this one batch
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        network(made.frames, made.frames[:0])
    frame, instances = made.frames[0, 0].numpy(), made.cells.instances[0].numpy()
    settings = config.method.model_copy(update={"clustering": Clustering()})
    segmenter = Segmenter(Model(network.eval(), config.model_copy(update={"method": settings})), CPU)
    labels = segmenter.frame(frame, (64, 64)).cells().labels
    assert np.mean(jaccards(np.maximum(instances + 1, 0).astype(np.int32), labels)) > 0.95
    assert (labels[instances >= 0] == 0).mean() < 0.03


def test_the_published_recipe_takes_its_steps():
    """Its loss falls; what few steps teach is no mask yet."""
    recipe = small(PUBLISHED)
    movie = images(CELLS)
    network, _ = method.start([movie], recipe)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    totals = []
    for number in range(8):
        made = method.batch([movie], recipe, 64, [np.random.default_rng((number, place)) for place in range(2)])
        totals.append(float(step(method, network, optimiser, made, 2e-3, recipe, "float32").total.detach()))
    assert np.isfinite(totals).all()
    assert np.mean(totals[-3:]) < np.mean(totals[:3])


def test_images_of_different_sizes_in_one_run():
    """Each is seen as if it were alone: tiles are planned anew, and nothing is left of the one before."""
    config = ModelConfig(method=EmbedSegConfig(clustering=Clustering(seed_threshold=0.45, mask_threshold=0.4)))
    rng = np.random.default_rng(0)
    shapes = [(41, 67), (96, 30), (8, 8), (41, 67), (1, 5)]
    pictures = [rng.integers(0, 4000, shape).astype(np.uint16) for shape in shapes]
    model = Model(spoken(), config)
    together = list(model.segment_all(pictures, CPU))
    assert [labels.shape for labels in together] == shapes
    for picture, labels in zip(pictures, together, strict=True):
        np.testing.assert_array_equal(labels, Model(spoken(), config).segment(picture, CPU))
    assert any(labels.any() for labels in together)


def test_a_turned_image_gives_turned_maps():
    """By the mean of eight views: offsets turn with it, and bandwidths change their axes."""
    config, network = ModelConfig(method=EmbedSegConfig()), spoken()
    eight = Options(views=8, device="cpu", compiling="off")
    frame = np.random.default_rng(3).normal(0, 1, (24, 40)).astype(np.float32)
    straight = method.predictor(network, config, eight, 1).launch(frame, (24, 40))._seen()[0]
    turn = SYMMETRIES[1]
    shape = (40, 24)
    turned = method.predictor(network, config, eight, 1).launch(np.ascontiguousarray(do(frame, turn)), shape)._seen()[0]
    np.testing.assert_allclose(turned.seediness, do(straight.seediness, turn), atol=1e-5)
    np.testing.assert_allclose(turned.bandwidth, do(straight.bandwidth, turn)[::-1], atol=1e-5)
    signs = np.array(turn.signs, np.float32)[:, None, None]
    np.testing.assert_allclose(turned.offset, signs * do(straight.offset, turn)[::-1], atol=1e-5)
