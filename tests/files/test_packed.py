import numpy as np
import pytest

from embedtrack.files.packed import pack


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_what_was_packed_is_there_again(dtype: type):
    array = np.arange(24, dtype=dtype).reshape(4, 6)[:, ::2]
    again = pack(array).opened()
    np.testing.assert_array_equal(again, array)
    assert again.dtype == dtype


def test_labels_become_small():
    assert len(pack(np.ones((512, 512), np.int32)).data) < 512 * 512 * 4 / 100
