import pytest
import torch
from torch import Tensor, nn

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.tiles import plan
from embedtrack.machine.device import has_int8
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.eight_bits import (
    TOP,
    TOP_WEIGHT,
    Chain,
    Convolution,
    Ranges,
    in_eight_bits,
    quantised,
    ranges,
)
from embedtrack.methods.embedtrack.fast import for_inference
from embedtrack.methods.embedtrack.predict import Predictor, Prepared
from embedtrack.model import Model
from embedtrack.options import Options

pytestmark = pytest.mark.skipif(not has_int8(torch.device("cpu")), reason="no convolutions of integers here")


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    now, before = torch.randn(2, 1, 1, 64, 96)
    return now, before


@pytest.fixture
def known(network: BranchedERFNet, pair: tuple[Tensor, Tensor]) -> Ranges:
    return ranges(network, [pair])


def test_ranges_are_the_largest_values(network: BranchedERFNet, pair: tuple[Tensor, Tensor], known: Ranges):
    assert len(known) == 5 + 8 + 3 * 2
    with torch.inference_mode():
        x = network.encoder[:2](torch.cat(pair))
        made = [x, network.encoder[2].down1(x), network.encoder[2](x)]
    found = [*known["encoder.2"][:2], known["encoder.3"][0]]
    assert found == pytest.approx([float(y.max()) for y in made])
    wider = ranges(network, [pair, (3 * pair[0], 3 * pair[1])])
    assert wider["encoder.2"][0] > known["encoder.2"][0]


def test_values_become_the_nearest_integers_and_halves_even_ones():
    x = torch.tensor([0.0, 0.24, 0.25, 0.26, 0.5, 0.75, 1.25, 127.4, 127.5, 1e9]).view(1, 1, 2, 5)
    expected = [0, 0, 0, 1, 1, 2, 2, 255, 255, 255]
    assert quantised(x, 0.5).flatten().tolist() == expected
    x = 300 * torch.rand(2, 64, 7, 9).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(quantised(x, 1.5), (x * (1 / 1.5)).round().to(torch.uint8), atol=0, rtol=0)


@pytest.mark.parametrize(("size", "dilation"), [((3, 1), 1), ((1, 3), 16)])
@pytest.mark.parametrize("largest", [False, True])
def test_a_convolution_is_exact(size: tuple[int, int], dilation: int, largest: bool):
    """The largest products of all too: without VNNI they are added in 16 bits."""
    torch.manual_seed(0)
    step = tuple(dilation if side > 1 else 1 for side in size)
    padding = tuple(d * (side // 2) for d, side in zip(step, size, strict=True))
    convolution = nn.Conv2d(64, 64, size, padding=padding, dilation=step)
    with torch.no_grad():
        weights = torch.randint(-TOP_WEIGHT, TOP_WEIGHT + 1, convolution.weight.shape).float()
        weights[:, 0] = TOP_WEIGHT
        convolution.weight.copy_(torch.full_like(weights, TOP_WEIGHT) if largest else weights)
        x = torch.randint(0, TOP + 1, (1, 64, 24, 40)).to(torch.uint8).contiguous(memory_format=torch.channels_last)
        x = torch.full_like(x, TOP) if largest else x
        scale = 64 * 3 * TOP_WEIGHT if largest else 800.0  # the largest sum is 255, or above
        exact = convolution.double()(x.double())
        found = Convolution(convolution.float(), 1.0, scale)(x)
        expected = (exact / scale).clamp(0, TOP)
    assert found.max() == TOP
    torch.testing.assert_close(found.double(), expected, atol=0.501, rtol=0)


def test_blocks_are_near(network: BranchedERFNet, pair: tuple[Tensor, Tensor], known: Ranges):
    fast, eight = for_inference(network), in_eight_bits(for_inference(network), known)
    assert [isinstance(part, Chain) for part in eight.encoder] == [False, False, True, False, True]
    assert [isinstance(part, Chain) for part in eight.segmentation] == [False, True, *4 * [False]]
    with torch.inference_mode():
        x = fast.encoder[:2](pair[0])
        expected = fast.encoder[2:7](x)
        found = eight.encoder[2](x)
    assert found.dtype == torch.float32
    assert (found - expected).abs().mean() < 0.01 * expected.max()
    assert (found - expected).abs().max() < 0.05 * expected.max()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_maps_are_near(network: BranchedERFNet, pair: tuple[Tensor, Tensor], known: Ranges, precision: torch.dtype):
    eight = in_eight_bits(for_inference(network, precision), known)
    with torch.inference_mode():
        maps = [
            (*net.segment(now), net.shift(now, before))
            for net, now, before in (
                (network, *map(network.encode, pair)),
                (eight, *(eight.encode(frame.to(precision)) for frame in pair)),
            )
        ]
    for expected, found in zip(*maps, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, atol=0.1, rtol=0)
        assert not torch.equal(found, expected)


def test_equal_bytes_with_any_number_of_threads(network: BranchedERFNet, known: Ranges):
    frame, before = torch.randn(96, 72).numpy(), torch.get_num_threads()
    seen = []
    try:
        for threads in (1, 2, 3, 1):
            torch.set_num_threads(threads)
            seen.append(Predictor(Prepared(network, "int8", known), plan(frame.shape, 256), 1)(frame).offset.tobytes())
    finally:
        torch.set_num_threads(before)
    assert len(set(seen)) == 1


def test_values_above_the_range_are_cut(network: BranchedERFNet, known: Ranges):
    chain = in_eight_bits(for_inference(network), known).encoder[2]
    x = torch.full((1, 64, 8, 8), known["encoder.2"][0])
    with torch.inference_mode():
        once, more = chain(x), chain(100 * x)
    assert float((more - once).max()) == pytest.approx(
        99 * known["encoder.2"][0], rel=0.01
    )  # but the first block's own


def test_a_single_pixel(network: BranchedERFNet, known: Ranges):
    eight = in_eight_bits(for_inference(network), known)
    with torch.inference_mode():
        assert eight.encode(torch.zeros(1, 1, 8, 8)).isfinite().all()


def test_no_ranges(network: BranchedERFNet, known: Ranges):
    with pytest.raises(ValueError, match=r"range of the network's block encoder\.2 for --precision int8, got none"):
        Prepared(network, "int8")
    some = {name: known[name] for name in known if name != "tracking.2"}
    with pytest.raises(ValueError, match=r"block tracking\.2"):
        in_eight_bits(for_inference(network), some)


def test_a_movie_in_int8(network: BranchedERFNet, known: Ranges):
    """What a restart goes on from gives the bytes of the whole."""
    model = Model(network, ModelConfig(ranges=known))
    frames = [torch.randn(64, 80).numpy() for _ in range(3)]
    options = Options(views=1, device="cpu", precision="int8")
    whole = list(Segmenter(model, options).movie(frames))
    [last] = Segmenter(model, options).movie(frames[2:], whole[1].state())
    assert last.cells.labels.tobytes() == whole[2].cells.labels.tobytes()
    assert last.cells.origin.tobytes() == whole[2].cells.origin.tobytes()
