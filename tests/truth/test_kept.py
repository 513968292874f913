from functools import partial

import numpy as np

from embedtrack.truth.kept import Kept, Room, deflated

SHAPE = (4, 8)


def made(log: list[int], number: int) -> np.ndarray:
    log.append(number)
    return np.full(SHAPE, number, np.int32)  # 128 bytes


def kept(log: list[int], room: Room) -> Kept[np.ndarray]:
    return Kept([partial(made, log, number) for number in range(5)], [SHAPE] * 5, room)


def test_images_are_made_when_asked_for_and_held_while_there_is_room():
    log: list[int] = []
    images = kept(log, Room(2 * 128))
    assert (len(images), images.shapes, log) == (5, [SHAPE] * 5, [])
    assert images[3] is images[3]
    assert images[-1].max() == 4
    assert log == [3, 4]
    assert images[3].max() == 3  # still held, and used last now
    assert images[0].max() == 0  # the fourth goes
    assert images[3].max() == 3
    assert log == [3, 4, 0]
    images[4]
    assert log == [3, 4, 0, 4]


def test_a_part_shares_what_is_held():
    log: list[int] = []
    images = kept(log, Room(10_000))
    part = images.some([4, 1])
    assert part[0] is images[4]
    assert [one.max() for one in images[1:3]] == [1, 2]
    assert part[1].max() == 1
    assert log == [4, 1, 2]


def test_no_room_holds_only_the_last():
    log: list[int] = []
    images = kept(log, Room(0))
    assert images[0] is images[0]
    images[1]
    images[0]
    assert log == [0, 1, 0]


def test_labels_are_packed():
    labels = np.zeros((300, 400), np.int32)
    labels[20:90, 30:200] = 70_000
    labels[0] = -1
    packed = deflated(labels)
    assert np.array_equal(packed(), labels)
    assert packed().flags.writeable
    assert len(packed.args[0]) < labels.nbytes / 50
