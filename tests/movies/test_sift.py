"""Masks, copies and projections among the frames are left out, aloud."""

import pytest

from tests.movies.test_frame_names import count, read


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        (count("img_{}_cp_masks.png"), "masks"),
        (["img_1_seg.tif"], "masks"),
        (["img_1 (1).tif"], "copies"),
        (["img_1 - Copy.tif"], "copies"),
        (["Copy of img_1.tif"], "copies"),
        (["MAX_img.tif"], "projections"),
    ],
)
def test_masks_copies_and_projections_are_left_out_aloud(extra: list[str], kind: str, caplog: pytest.LogCaptureFixture):
    assert read(*count("img_{}.tif"), *extra) == {(0, 0): count("img_{}.tif")}
    assert f"F: left out as {kind}: {len(extra)} of {3 + len(extra)} images, {extra[0]} among them" in caplog.text


def test_projections_alone_are_the_movie(caplog: pytest.LogCaptureFixture):
    assert read(*count("MAX_img_{}.tif")) == {(0, 0): count("MAX_img_{}.tif")}
    assert not caplog.text


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match=r"expected --pattern to match images, got b\*; they are named like a_0.tif"):
        read(*count("a_{}.tif"), pattern="b*")
