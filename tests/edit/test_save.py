"""Corrections from Python are as good as those of the window: they are known, kept, and not written over."""

from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.pins import read_pins
from embedtrack.challenge.record import check_uncorrected
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.edit.cut import cut
from embedtrack.edit.draft import as_tracked, open_draft
from embedtrack.edit.join import join
from embedtrack.edit.save import save
from embedtrack.inference.link import link
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Pin, Track
from tests.drawings import dividing


@pytest.fixture
def result(tmp_path: Path) -> Path:
    toy = dividing()  # 1 divides after frame 2 into 2 and 3
    write_tracked(Tracked(list(toy.labels), toy.tracks, (48, 64), first=5), tmp_path / "01_RES")
    return tmp_path / "01_RES"


def test_what_was_corrected_is_known_and_stays(result: Path, tmp_path: Path):
    draft = cut(open_draft(open_tracked(result)), (3, 3))  # 3 comes from nowhere, 1 goes on as 2
    said = save(draft, str(result))
    assert Pin(3, 3, 0, 0) in said
    assert sorted(said) == read_pins(result, 5)
    corrected = open_tracked(result)
    assert len(corrected.tracks) == 2
    with pytest.raises(ValueError, match="expected a result that nobody has corrected there"):
        check_uncorrected(result)
    again = link(result)
    assert sorted((track.begin, track.parent) for track in again.tracks) == [(0, 0), (3, 0)]


def test_it_may_go_elsewhere_and_be_corrected_again(result: Path, tmp_path: Path):
    before = open_tracked(result)
    other = tmp_path / "better" / "01_RES"
    first = save(cut(open_draft(before), (3, 3)), result, other)
    assert open_tracked(result).tracks == before.tracks
    draft = open_draft(open_tracked(other))
    young = max(draft.tracks.values(), key=lambda track: track.begin)
    old = min(draft.tracks.values(), key=lambda track: track.begin)
    draft = join(draft, old.label, (young.begin, young.label))  # the other daughter goes on
    second = save(draft, other)
    assert {(pin.frame, pin.label) for pin in first} != {(pin.frame, pin.label) for pin in second}
    assert np.array_equal(open_tracked(other).masks[3] > 0, before.masks[3] > 0)
    assert Track(1, 0, 5, 0) in open_tracked(other).tracks


def test_a_link_that_a_person_made_is_sure():
    toy = dividing()
    cells = sorted((t, one.label) for one in toy.tracks for t in range(one.begin, one.end + 1))
    sure = np.array([(*cell, 0.5, 0.25) for cell in cells], CONFIDENCE)
    before = Tracked(list(toy.labels), toy.tracks, (48, 64), confidence=sure)
    after = as_tracked(cut(open_draft(before), (3, 3)), before)  # 3 comes from nowhere, 2 is 1 again and no daughter
    assert after.confidence is not None
    links = {(t, label): link for t, label, _, link in after.confidence.tolist()}
    assert {cell for cell, link in links.items() if link == 1} == {(3, 1), (3, 3)}
    assert set(links.values()) == {0.25, 1.0}
    assert {cell for _, _, cell, _ in after.confidence.tolist()} == {0.5}
