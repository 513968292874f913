import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from embedtrack.inference.tiles import Stitcher, Tile, crop, largest_side, plan

SHAPES = [(1, 1), (7, 300), (256, 256), (257, 255), (690, 628), (1100, 700)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_grid = pytest.mark.parametrize(("tile", "overlap"), [(256, 64), (256, 0), (100, 80), (33, 12), (2048, 64)])


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def stitch(pieces, tiles, shape):
    stitcher = Stitcher(shape)
    for piece, tile in zip(pieces, tiles, strict=True):
        stitcher.add([piece], tile)
    return stitcher.result()[0]


@each_shape
@each_grid
def test_stitching_what_was_cut_gives_the_frame(shape, tile, overlap):
    frame = noise(2, *shape)
    tiles = plan(shape, tile, overlap)
    assert torch.equal(stitch((crop(frame, t) for t in tiles), tiles, shape), frame)


@each_shape
@each_grid
def test_plan_covers_all_with_the_overlap(shape, tile, overlap):
    tiles = plan(shape, tile, overlap)
    count = np.zeros(shape, int)
    for t in tiles:
        count[t.top : t.top + t.height, t.left : t.left + t.width] += 1
    assert count.min() > 0
    assert len({t[2:] for t in tiles}) == 1
    for axis, side in enumerate(shape):
        size, starts = tiles[0][2 + axis], sorted({t[axis] for t in tiles})
        assert size % 8 == 0
        assert starts[0] == 0
        assert starts[-1] == max(side - size, 0)
        assert all(b - a <= size - overlap for a, b in pairwise(starts))


@pytest.mark.parametrize(
    ("shape", "tile", "overlap", "expected"),
    [
        ((1, 1), 256, 64, [Tile(0, 0, 8, 8)]),
        ((690, 628), 1024, 64, [Tile(0, 0, 696, 632)]),
        ((256, 256), 256, 64, [Tile(0, 0, 256, 256)]),
        ((255, 250), 250, 64, [Tile(0, 0, 256, 256)]),
        ((257, 256), 256, 64, [Tile(0, 0, 256, 256), Tile(1, 0, 256, 256)]),
        ((64, 448), 256, 64, [Tile(0, 0, 64, 256), Tile(0, 192, 64, 256)]),
        ((64, 449), 256, 64, [Tile(0, 0, 64, 256), Tile(0, 96, 64, 256), Tile(0, 193, 64, 256)]),
    ],
)
def test_plan_by_hand(shape, tile, overlap, expected):
    assert plan(shape, tile, overlap) == expected


def test_tiles_are_no_larger_than_so_many_have_to_be():
    """A frame of 2048 needs three tiles of at most 1024 a side, of which 726 are enough, rounded up."""
    tiles = plan((2048, 700), 1024, 64)
    assert tiles == [Tile(0, 0, 728, 704), Tile(660, 0, 728, 704), Tile(1320, 0, 728, 704)]


def test_plan_counts():
    assert len(plan((690, 628), 256, 64)) == 4 * 3
    assert len(plan((690, 628), 256, 0)) == 3 * 3


@pytest.mark.parametrize(("tile", "overlap"), [(256, 256), (64, 100), (256, -1), (0, 0)])
def test_plan_refuses_overlap(tile, overlap):
    with pytest.raises(ValueError, match=f"0 <= overlap < tile, got overlap {overlap} and tile {tile}") as error:
        plan((300, 300), tile, overlap)
    assert "\n" not in str(error.value)


def test_plan_refuses_an_empty_frame():
    with pytest.raises(ValueError, match=r"at least one pixel, got shape \(0, 5\)"):
        plan((0, 5), 256, 64)


def test_cut_inside_is_a_view():
    frame = noise(3, 40, 50)
    piece = crop(frame, Tile(8, 9, 16, 24))
    assert torch.equal(piece, frame[:, 8:24, 9:33])
    assert piece.data_ptr() == frame[:, 8:, 9:].data_ptr()


def test_cut_beyond_reflects():
    row = torch.tensor([[1.0, 2.0, 3.0]])
    assert crop(row, Tile(0, 0, 2, 8)).tolist() == [[1, 2, 3, 2, 1, 2, 3, 2]] * 2
    assert crop(row.mT, Tile(0, 0, 8, 1)).flatten().tolist() == [1, 2, 3, 2, 1, 2, 3, 2]


def two_tiles(shape=(32, 56)):
    """What the second of two tiles side by side weighs, float32[32, 56]: columns 24 to 31 are shared."""
    tiles = plan(shape, 32, 8)
    assert [t.left for t in tiles] == [0, 24]
    return stitch([torch.zeros(32, 32), torch.ones(32, 32)], tiles, shape)


def test_influence_fades_at_edges_inside_the_frame():
    share = two_tiles()
    assert (share == share[0]).all()
    assert torch.equal(share[0, :24], torch.zeros(24))
    assert torch.equal(share[0, 32:], torch.ones(24))
    d = torch.arange(1, 9)
    assert torch.allclose(share[0, 24:32], d**2 / (d**2 + (9 - d) ** 2))


def test_influence_does_not_fade_at_the_frame_edge():
    """The same tile of 32, over one that spans a frame of 48: down to the ground within, at full weight at its edge."""
    ground, corner = Tile(0, 0, 48, 48), Tile(0, 0, 32, 32)
    share = stitch([torch.zeros(48, 48), torch.ones(32, 32)], [ground, corner], (48, 48))
    assert share[0, 0] == 0.5
    assert share[0, 31] < 0.01
    assert (share[0, :32].diff() <= 0).all()
    assert (share[32:] == 0).all()
    middle = stitch([torch.zeros(48, 48), torch.ones(32, 32)], [ground, Tile(8, 8, 32, 32)], (48, 48))
    assert torch.allclose(middle, middle.flip(0, 1))
    assert middle[8, 24] < 0.01
    assert middle[24, 24] == middle.max()


def test_order_does_not_matter():
    tiles = plan((70, 90), 32, 12)
    pieces = [noise(32, 32) + i for i in range(len(tiles))]
    forward = stitch(pieces, tiles, (70, 90))
    assert torch.allclose(forward, stitch(pieces[::-1], tiles[::-1], (70, 90)), atol=1e-4)


def test_mean_is_weighted_where_four_tiles_meet():
    """By symmetry each of the four counts a quarter at the frame's centre."""
    tiles = plan((51, 51), 32, 12)
    pieces = [torch.full((32, 32), float(i)) for i in (1, 2, 3, 10)]
    assert stitch(pieces, tiles, (51, 51))[25, 25] == pytest.approx(4)


@each_shape
def test_constant_stays_constant(shape):
    tiles = plan(shape, 128, 40)
    frame = stitch((torch.full((t.height, t.width), 0.1) for t in tiles), tiles, shape)
    assert torch.equal(frame, torch.full(shape, 0.1))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_sums_in_at_least_float32(dtype, expected):
    tiles = plan((40, 50), 24, 8)
    frame = noise(3, 40, 50).to(dtype)
    stitched = stitch((crop(frame, t) for t in tiles), tiles, (40, 50))
    assert stitched.dtype == expected
    assert torch.equal(stitched, frame.to(expected))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_stays_on_the_device():
    tiles = plan((690, 628), 256, 64)
    frame = noise(7, 690, 628).cuda()
    stitched = stitch((crop(frame, t) for t in tiles), tiles, (690, 628))
    assert stitched.device == frame.device
    assert torch.equal(stitched, frame)


def test_stitcher_refuses_a_piece_of_another_size():
    with pytest.raises(ValueError, match=r"a piece of 8 x 16, got shape \(2, 8, 8\)"):
        Stitcher((8, 16)).add([torch.zeros(2, 8, 8)], Tile(0, 0, 8, 16))


@pytest.mark.parametrize("tiles", [[], [Tile(0, 0, 32, 32)]])
def test_stitcher_refuses_holes(tiles):
    with pytest.raises(ValueError, match="cover the frame of 32 x 40"):
        stitch([torch.zeros(32, 32)] * len(tiles), tiles, (32, 40))


@pytest.mark.parametrize(
    ("shape", "memory", "expected"),
    [
        ((690, 628), None, 696),
        ((690, 628), 696 * 632 * 1000, 696),
        ((690, 628), 696 * 632 * 1000 - 1, 688),
        ((690, 628), 600 * 600 * 1000, 600),
        ((690, 628), 607 * 607 * 1000, 600),
        ((690, 628), 10**6, 256),
        ((20, 30), None, 256),
        ((3000, 4000), None, 2048),
        ((8, 3000), 8 * 1000 * 1000, 1000),
        ((8, 3000), 8 * 1007 * 1000, 1000),
    ],
)
def test_fit_by_hand(shape, memory, expected):
    assert largest_side(shape, memory, 1000) == expected


@each_shape
@pytest.mark.parametrize("megabytes", [70, 150, 300, 600, 1200])
def test_fit_is_the_largest_that_fits(shape, megabytes):
    """A tile of that side fits; eight pixels more would not, unless the frame is one tile already."""

    def needed(side):
        return math.prod(min(side, 8 * math.ceil(whole / 8)) for whole in shape) * 1000

    side = largest_side(shape, megabytes * 10**6, 1000)
    assert needed(side) <= megabytes * 10**6
    assert len(plan(shape, side)) == 1 or needed(side + 8) > megabytes * 10**6


@pytest.mark.parametrize(("memory", "bytes_per_pixel", "largest"), [(0, 1, 512), (None, 0, 512), (None, 1, 255)])
def test_fit_refuses(memory, bytes_per_pixel, largest):
    with pytest.raises(ValueError, match=f"got {memory}, {bytes_per_pixel} and {largest}"):
        largest_side((300, 300), memory, bytes_per_pixel, largest)
