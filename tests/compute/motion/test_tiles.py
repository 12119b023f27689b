import threading
import time

import numpy as np
import pytest

from frazil.compute.motion.tiles import add_tile, lay_tiles, tile_window
from frazil.compute.parallel import in_order


@pytest.mark.parametrize(("height", "width"), [(4092, 5760), (1024, 1024), (100, 37), (1, 1), (993, 257)])
@pytest.mark.parametrize(("size", "overlap"), [(256, 32), (128, 16), (512, 128)])
def test_windows_add_up_to_one_everywhere(height: int, width: int, size: int, overlap: int) -> None:
    layout = lay_tiles(height, width, size, overlap)
    window = tile_window(size, overlap).astype(np.float32)
    total = np.zeros((height, width), dtype=np.float32)
    for y, x in layout.tiles:
        add_tile(total, window[:, None] * window[None, :], y, x)
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_tiles_start_on_whole_pixels_of_coarser_grids() -> None:
    layout = lay_tiles(4092, 5760, 256, 32)
    assert all(y % 32 == 0 and x % 32 == 0 for y, x in layout.tiles)


def test_centres_lie_inside_the_field_and_follow_the_tiles() -> None:
    layout = lay_tiles(1000, 700, 256, 32)
    centres = layout.centres_px()
    assert len(centres) == len(layout.tiles)
    assert (centres >= 0).all()
    assert (centres[:, 0] <= 699).all()
    assert (centres[:, 1] <= 999).all()
    inner = layout.tiles.index((192, 192))
    np.testing.assert_allclose(centres[inner], 192 + 127.5)


def test_results_come_in_order_and_from_several_threads() -> None:
    seen = set()

    def work(number: int) -> int:
        seen.add(threading.get_ident())
        time.sleep(0.002 * (7 - number % 8))
        return number

    assert list(in_order(work, range(40), 4)) == list(range(40))
    assert len(seen) > 1
    assert list(in_order(work, range(3), 1)) == [0, 1, 2]
    assert list(in_order(work, range(0), 2)) == []
