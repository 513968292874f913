"""The cosine loss against hand-computed values, a slow loop, and the traps of its published form."""

import numpy as np
import pytest
import torch

from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED
from embedtrack.methods.hourglass.loss import cosine_loss
from embedtrack.methods.hourglass.windows import Windows


def line(pixels: list[tuple[tuple[float, ...], int]], beside: list[tuple[int, int]] = ()) -> tuple:
    """A clip of one frame of one row: (embedding, instance) of each pixel, and pairs (i, j): j is a neighbour of i."""
    vectors, owners = zip(*pixels, strict=True)
    embeddings = torch.tensor(vectors, dtype=torch.float64).T[None, None, None, :, None, :]  # [1, 1, 1, d, 1, P]
    instances = torch.tensor(owners)[None, None, None]
    count = max([*owners, -1]) + 1
    neighbours = torch.zeros(count, count, dtype=torch.bool)
    for one, other in beside:
        neighbours[one, other] = True
    frames = torch.zeros(1, 1, 1, 1, len(pixels), dtype=torch.float64)
    return embeddings, Windows(frames, instances, neighbours, torch.zeros(count, dtype=torch.int64))


def slow(embeddings: torch.Tensor, truth: Windows, squared: bool = True) -> float:
    """By masks, pixel by pixel, in double precision."""
    total = 0.0
    for one in embeddings.double().numpy():
        for clip in range(len(one)):
            vectors = np.moveaxis(one[clip], 1, -1)  # [T, H, W, d]
            owner = truth.instances[clip].numpy()
            unit = vectors / np.sqrt((vectors**2).sum(-1, keepdims=True) + 1e-8)
            inside, ground = owner >= 0, owner == BACKGROUND
            total += (1 - (unit[ground][:, 0] ** 2).mean()) if ground.any() else 0
            total += (unit[inside][:, 0] ** 2).mean() if inside.any() else 0
            cells = [i for i in range(len(truth.clips)) if truth.clips[i] == clip]
            for i in cells:
                mean = vectors[owner == i].mean(axis=0)
                mean /= np.sqrt((mean**2).sum() + 1e-8)
                cosine = unit[owner == i] @ mean
                total += (1 - (cosine**2 if squared else cosine).mean()) / len(cells)
                beside = np.isin(owner, [j for j in cells if truth.neighbours[i, j]])
                total += ((unit[beside] @ mean) ** 2).mean() / len(cells) if beside.any() else 0
    return total / len(truth.frames)


def chance(seed: int = 0) -> tuple[torch.Tensor, Windows]:
    """Two clips of three frames with seven cells of which one is in the second clip, ignored pixels, and no pattern."""
    rng = np.random.default_rng(seed)
    instances = np.stack([rng.integers(-2, 6, (3, 7, 9)), rng.choice([IGNORED, BACKGROUND, 6], (3, 7, 9))])
    neighbours = rng.random((7, 7)) < 0.5
    neighbours[6], neighbours[:, 6] = False, False
    np.fill_diagonal(neighbours, False)
    clips = torch.tensor([0] * 6 + [1])
    embeddings = torch.from_numpy(rng.normal(size=(2, 2, 3, 5, 7, 9)))
    frames = torch.zeros(2, 3, 1, 7, 9)
    return embeddings, Windows(frames, torch.from_numpy(instances), torch.from_numpy(neighbours), clips)


def test_by_hand():
    pixels = [((1.0, 0.0), 0), ((1.0, 1.0), 0), ((0.0, 2.0), 1)]
    embeddings, truth = line(pixels, [(0, 1)])
    losses = cosine_loss(embeddings, truth)  # m = (1, .5): pull 1 - (.8 + .9) / 2, push .2; the other cell's are 0
    assert losses.pull.item() == pytest.approx(0.15 / 2, abs=1e-6)
    assert losses.push.item() == pytest.approx(0.2 / 2, abs=1e-6)
    assert losses.background.item() == pytest.approx((1 + 0.5 + 0) / 3, abs=1e-6)


@pytest.mark.parametrize("squared", [True, False])
def test_equals_a_slow_loop(squared: bool):
    embeddings, truth = chance()
    losses = cosine_loss(embeddings, truth, squared=squared)
    assert losses.total.item() == pytest.approx(slow(embeddings, truth, squared), abs=1e-12)
    single = cosine_loss(embeddings.float(), truth, squared=squared).total
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(losses.total.item(), abs=1e-5)
    assert cosine_loss(embeddings.bfloat16(), truth).total.dtype == torch.float32


@pytest.mark.parametrize("squared", [True, False])
def test_gradient(squared: bool):
    embeddings, truth = chance()
    small = truth._replace(instances=truth.instances[:, :1, :5, :5], frames=truth.frames[:, :1])
    given = embeddings[:1, :, :1, :, :5, :5].clone().requires_grad_()
    assert set(small.instances[small.instances >= 0].tolist()) == set(range(7))
    assert torch.autograd.gradcheck(lambda e: cosine_loss(e, small, squared=squared).total, (given,))


def test_what_must_not_matter():
    embeddings, truth = chance()
    before = cosine_loss(embeddings, truth).total.item()
    order = torch.tensor([3, 1, 5, 0, 2, 4, 6])
    renamed = truth.instances.clone()
    renamed[truth.instances >= 0] = order[truth.instances[truth.instances >= 0]]
    back = torch.argsort(order)
    other = Windows(truth.frames, renamed, truth.neighbours[back][:, back], truth.clips)
    assert cosine_loss(embeddings, other).total.item() == pytest.approx(before, abs=1e-12)
    turn = torch.eye(5, dtype=torch.float64)
    turn[1:, 1:] = torch.linalg.qr(torch.from_numpy(np.random.default_rng(1).normal(size=(4, 4)))).Q
    turned = torch.einsum("de,sbtehw->sbtdhw", turn, embeddings)
    assert cosine_loss(turned, truth).total.item() == pytest.approx(before, abs=1e-12)
    ignored = embeddings * torch.where(truth.instances == IGNORED, 7.0, 1.0)[None, :, :, None]
    assert cosine_loss(ignored, truth).total.item() == before


def test_length_of_a_neighbour_does_not_matter_that_of_its_own_pixels_does():
    def push_and_pull(own: float, other: float) -> tuple[float, float]:
        pixels = [((own, 0.0), 0), ((1.0, 1.0), 0), ((0.0, other), 1)]
        losses = cosine_loss(*line(pixels, [(0, 1)]))
        return losses.push.item(), losses.pull.item()

    assert push_and_pull(1, 2) == pytest.approx(push_and_pull(1, 9))
    assert push_and_pull(1, 2) != pytest.approx(push_and_pull(5, 2))


def test_the_square_is_blind_to_the_sign():
    pixels = [((1.0, 0.0), 0), ((-0.9, 0.0), 0), ((0.0, 1.0), 1)]
    embeddings, truth = line(pixels, [(0, 1)])
    squared, signed = (cosine_loss(embeddings, truth, squared=which) for which in (True, False))
    assert squared.pull.item() + squared.push.item() == pytest.approx(0, abs=1e-5)
    assert signed.pull.item() == pytest.approx(1 / 2, abs=1e-5)


def test_exact_opposites_have_no_mean_and_no_gradient():
    embeddings, truth = line([((1.0, 0.0), 0), ((-1.0, 0.0), 0)])
    embeddings.requires_grad_()
    losses = cosine_loss(embeddings, truth)
    assert losses.pull.item() == 1
    (gradient,) = torch.autograd.grad(losses.pull, embeddings)
    assert not gradient.any()


def test_a_background_pixel_at_a_right_angle_is_stuck():
    embeddings, truth = line([((0.0, 1.0), BACKGROUND), ((1.0, 1.0), BACKGROUND)])
    embeddings.requires_grad_()
    losses = cosine_loss(embeddings, truth)
    assert losses.stuck.item() == 0.5
    losses.total.backward()
    assert not embeddings.grad[..., 0].any()
    assert embeddings.grad[..., 1].any()


def test_an_embedding_of_no_length_is_no_nan():
    embeddings, truth = line([((0.0, 0.0), 0), ((0.0, 0.0), BACKGROUND)])
    embeddings.requires_grad_()
    losses = cosine_loss(embeddings, truth)
    losses.total.backward()
    assert losses.total.item() == 2
    assert embeddings.grad.isfinite().all()


def test_a_perfect_instance_still_counts_in_the_mean():
    pixels = [((0.0, 1.0), 0), ((1.0, 0.0), 1), ((0.0, 1.0), 1)]
    assert cosine_loss(*line(pixels)).pull.item() == pytest.approx(0.5 / 2, abs=1e-6)


@pytest.mark.parametrize("owner", [0, BACKGROUND, IGNORED])
def test_one_kind_of_pixels_alone(owner: int):
    losses = cosine_loss(*line([((1.0, 0.0), owner), ((0.0, 1.0), owner)]))
    expected = {0: (0.5, 0.5, 0.0), BACKGROUND: (0.5, 0.0, 0.0), IGNORED: (0.0, 0.0, 0.0)}[owner]
    assert [part.item() for part in losses[1:4]] == pytest.approx(expected, abs=1e-6)


def test_more_mutual_neighbours_than_axes_cannot_all_differ():
    """Welch's bound: K vectors in D dimensions have a mean squared cosine of (K - D) / (D (K - 1)) at least."""
    torch.manual_seed(0)
    start, truth = line([(tuple(row), i) for i, row in enumerate(torch.randn(4, 3).tolist())], [
        (i, j) for i in range(4) for j in range(4) if i != j
    ])  # fmt: skip
    vectors = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([vectors], lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        loss = cosine_loss(vectors, truth).push
        loss.backward()
        optimiser.step()
    assert loss.item() == pytest.approx(1 / 9, abs=2e-3)
    assert loss.item() >= 1 / 9 - 1e-9
