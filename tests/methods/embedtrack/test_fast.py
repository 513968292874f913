import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import DEMO_MODEL, REPOSITORY, models
from embedtrack.challenge.evaluate import evaluate
from embedtrack.inference import track
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import AVERAGED, do
from embedtrack.machine.device import has_int8
from embedtrack.methods.embedtrack import fast as fast_networks
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import origins
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.erfnet import NonBottleneck1D
from embedtrack.methods.embedtrack.fast import FoldedBlock, FoldedUpsampler, SubpixelUpsampler, for_inference
from embedtrack.methods.embedtrack.maps import Maps, to_frame, undo_maps
from embedtrack.methods.embedtrack.predict import STRAIGHT
from embedtrack.movies.normalise import normalise
from embedtrack.movies.scale import to_working
from embedtrack.options import Options


@pytest.fixture
def network() -> BranchedERFNet:
    """Norms and biases as after a training: nothing is neutral."""
    torch.manual_seed(0)
    network = BranchedERFNet()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2)
    for part in (network.segmentation, network.seediness, network.tracking):
        nn.init.normal_(part[-1].weight, std=0.1)
    return network.eval()


@torch.inference_mode()
def maps_of(network: BranchedERFNet, now: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, ...]:
    features, old = network.encode(now), network.encode(before)
    return (*network.segment(features), network.shift(features, old))


def test_it_computes_the_same(network: BranchedERFNet):
    now, before = torch.randn(2, 3, 1, 48, 64)
    fast = for_inference(network)
    for found, expected in zip(maps_of(fast, now, before), maps_of(network, now, before), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_fused_or_step_by_step_is_the_same(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch, precision: torch.dtype
):
    if not fast_networks.FUSED:
        pytest.skip("this torch has no convolutions that add and rectify")
    block, x = for_inference(network, precision).encoder[2], torch.randn(1, 64, 24, 32, dtype=precision)
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        fused = block(x)
        monkeypatch.setattr(fast_networks, "FUSED", False)
        torch.testing.assert_close(fused, block(x), atol=2e-2 if precision == torch.bfloat16 else 1e-5, rtol=1e-2)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_downsamplers_give_the_bytes_of_the_network(network: BranchedERFNet, precision: torch.dtype):
    plain, fast = copy.deepcopy(network), for_inference(network, precision)
    for index, channels in ((0, 1), (1, 16), (7, 64)):
        x = torch.randn(2, channels, 24, 40).to(precision, memory_format=torch.channels_last)
        plain.encoder[index].convolution.to(precision, memory_format=torch.channels_last)
        with torch.inference_mode():
            assert torch.equal(fast.encoder[index](x), plain.encoder[index](x))


@pytest.mark.parametrize("shape", [(24, 40), (1, 5), (7, 1)])
def test_upsampling_as_one_convolution_is_the_same(network: BranchedERFNet, shape: tuple[int, int]):
    state = torch.get_rng_state()
    block = network.tracking[0]
    one, transposed = (
        kind(block).to(memory_format=torch.channels_last) for kind in (SubpixelUpsampler, FoldedUpsampler)
    )
    assert torch.equal(torch.get_rng_state(), state)  # validation must not change what a training draws
    x = torch.randn(2, 256, *shape).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        found, expected = one(x), transposed(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("precision", "amx", "kind"),
    [
        (torch.bfloat16, True, SubpixelUpsampler),
        (torch.bfloat16, False, FoldedUpsampler),
        (torch.float32, True, FoldedUpsampler),
    ],
)
def test_which_upsampling(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch, precision: torch.dtype, amx: bool, kind: type[nn.Module]
):
    monkeypatch.setattr(fast_networks, "has_amx", lambda device: amx)
    assert type(for_inference(network, precision).segmentation[0]) is kind


def test_a_processor_without_bfloat16_gets_by():
    """As if it had no AVX512: oneDNN reads the variable once, in a process of its own."""
    code = (
        "import torch; from embedtrack.methods.embedtrack.branched import BranchedERFNet; "
        "from embedtrack.methods.embedtrack.fast import for_inference; torch.inference_mode().__enter__(); "
        "fast = for_inference(BranchedERFNet(), torch.bfloat16); fast.encode(torch.randn(1, 1, 32, 32).bfloat16())"
    )
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_a_processor_with_amx_runs_needs_no_sympy():
    """The image that tracks and no more has none, and torch asks for it in unlikely places."""
    code = (
        "import sys; sys.modules['sympy'] = None; from embedtrack.methods.embedtrack.branched import BranchedERFNet; "
        "from embedtrack.methods.embedtrack.fast import SubpixelUpsampler; "
        "SubpixelUpsampler(BranchedERFNet().eval().tracking[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_bfloat16_is_near_and_its_maps_are_single(network: BranchedERFNet):
    now, before = torch.randn(2, 1, 1, 48, 64)
    fast = for_inference(network, torch.bfloat16)
    near = maps_of(fast, now.bfloat16(), before.bfloat16())
    for found, expected in zip(near, maps_of(network, now, before), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, atol=0.1, rtol=0)


def test_the_network_itself_stays_as_it_is(network: BranchedERFNet):
    weights = copy.deepcopy(network.state_dict())
    fast = for_inference(network)
    assert isinstance(fast.encoder[2], FoldedBlock)
    assert isinstance(network.encoder[2], NonBottleneck1D)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.skipif(not (models() / DEMO_MODEL / checkpoint.WEIGHTS).is_file(), reason="no weights are shipped")
@pytest.mark.parametrize(("views", "frames"), [(1, range(4)), (4, range(1, 2))])
def test_the_slow_way_finds_the_same_cells_to_the_pixel(views: int, frames: range):
    """Pair by pair through the network as it is trained, view by view and frame after frame, without threads."""
    model = checkpoint.load(models() / DEMO_MODEL)
    config, paths = model.config, sorted((REPOSITORY / "demo" / "01").glob("*.tif"))[: frames.stop]
    found = [
        frame.cells for frame in Segmenter(model, Options(views=views, device="cpu", precision="float32")).movie(paths)
    ]
    for index in frames:
        seen = found[index]
        now, before = (tensor(path, config) for path in (paths[index], paths[max(index - 1, 0)]))
        shape = layout.read_frame(paths[index]).shape
        height, width = (round(side * config.scale) for side in shape)
        slow = slow_maps(model.network, now, before, views)
        maps = to_frame(Maps(*(m[..., :height, :width] for m in slow)), shape, config.scale)
        width = config.method.pixel_size * config.scale
        labels = cluster(maps, config.method.clustering, width)
        np.testing.assert_array_equal(seen.labels > 0, labels > 0)
        assert len(np.unique(seen.labels)) == len(np.unique(labels))
        differ = seen.origin != origins(maps.shift, width)  # by rounding where an offset lies between two pixels
        assert differ.mean() < 1e-3


@torch.no_grad()
def slow_maps(network: BranchedERFNet, now: torch.Tensor, before: torch.Tensor, views: int) -> Maps[np.ndarray]:
    seen = {}
    for symmetry in AVERAGED[views]:
        maps, _ = network(do(now, symmetry), do(before, symmetry))
        seen[symmetry] = undo_maps(Maps(*(m[0] for m in maps)), symmetry)
    mean = Maps(*(torch.stack(m).mean(0).numpy() for m in zip(*seen.values(), strict=True)))
    return mean._replace(shift=seen[STRAIGHT].shift.numpy())


def tensor(path: Path, config: checkpoint.ModelConfig) -> torch.Tensor:
    frame = normalise(to_working(layout.read_frame(path), config.scale), config.normalisation)
    return torch.from_numpy(frame)[None, None]


@pytest.mark.slow
@pytest.mark.skipif(not (models() / DEMO_MODEL / checkpoint.WEIGHTS).is_file(), reason="no weights are shipped")
@pytest.mark.parametrize(("movie", "frames"), [("demo/01", range(24)), (f"{DEMO_MODEL}/01", range(58, 65))])
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_scores_stay_within_two_thousandths(precision: str, movie: str, frames: range, tmp_path: Path):
    sequence = (REPOSITORY if movie.startswith("demo") else Path(os.environ.get("DATA_ROOT", "/nowhere"))) / movie
    if not sequence.is_dir():
        pytest.skip(f"DATA_ROOT does not hold {movie}")
    if precision == "int8" and not has_int8(torch.device("cpu")):
        pytest.skip("no convolutions of integers here")
    scores = {}
    for one in ("float32", precision):
        out = tmp_path / one
        track.track(sequence, models() / DEMO_MODEL, out, Options(views=1, device="cpu", precision=one))
        scores[one] = evaluate(sequence.with_name("01_GT"), out, frames=frames)
    for measure in ("SEG", "TRA"):
        assert scores[precision][measure] == pytest.approx(scores["float32"][measure], abs=0.002)
