"""EER: against our own test encoder and against imagecodecs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil.formats.eer import EerMovie
from frazil.formats.eer_kernel import add_events
from frazil.formats.eer_pages import EventCode
from frazil.formats.movie import open_movie
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 64


def _load_writer() -> Any:
    # Test folders are no packages; a module beside the tests is loaded by its path.
    spec = importlib.util.spec_from_file_location("eer_writer", Path(__file__).with_name("eer_writer.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["eer_writer"] = module
    spec.loader.exec_module(module)
    return module


writer = _load_writer()
METADATA = b'<metadata><item name="sensorPixelSize.width" unit="m">0.729e-10</item></metadata>'


def picture(events: Any, upsampling: int, levels: tuple[int, int] = (4, 4)) -> NDArray[np.int64]:
    """What the events should look like: the definition, by NumPy."""
    pixels, x, y = events
    rows = pixels // WIDTH * upsampling + y * upsampling // levels[1]
    columns = pixels % WIDTH * upsampling + x * upsampling // levels[0]
    image = np.zeros((HEIGHT * upsampling, WIDTH * upsampling), dtype=np.int64)
    np.add.at(image, (rows, columns), 1)
    return image


def frames(count: int, rate: float = 0.02, levels: tuple[int, int] = (4, 4)) -> list[Any]:
    return [writer.random_events(seed, WIDTH, HEIGHT, rate, *levels) for seed in range(count)]


@pytest.mark.parametrize("upsampling", [1, 2])
@pytest.mark.parametrize(
    ("compression", "bits"),
    [(65000, (8, 2, 2)), (65001, (7, 2, 2)), (65002, (7, 1, 1)), (65002, (6, 2, 3)), (65002, (5, 4, 4))],
)
@pytest.mark.parametrize("rate", [0.0005, 0.02, 0.9])
def test_fractions_are_the_sum_of_their_events(
    tmp_path: Path, upsampling: int, compression: int, bits: tuple[int, int, int], rate: float
) -> None:
    levels = 1 << bits[1], 1 << bits[2]
    events = frames(7, rate, levels)
    path = tmp_path / "movie.eer"
    writer.write_eer(path, events, WIDTH, HEIGHT, compression=compression, bits=bits, metadata=METADATA)
    with open_movie(path, eer_upsampling=upsampling, eer_frames_per_fraction=3) as movie:
        assert movie.frames == 2
        assert (movie.height_px, movie.width_px) == (HEIGHT * upsampling, WIDTH * upsampling)
        assert movie.pixel_size_a == pytest.approx(0.729 / upsampling)
        assert movie.already_gain_corrected is False
        for fraction in range(2):
            expected = sum(picture(events[3 * fraction + k], upsampling, levels) for k in range(3))
            np.testing.assert_array_equal(movie.read_frame(fraction), expected)


@pytest.mark.parametrize("bits", [(7, 2, 2), (8, 2, 2), (7, 1, 1)])
@pytest.mark.parametrize("upsampling", [1, 2])
def test_one_page_as_imagecodecs_decodes_it(bits: tuple[int, int, int], upsampling: int) -> None:
    events = writer.random_events(5, WIDTH, HEIGHT, 0.05, 1 << bits[1], 1 << bits[2])
    encoded = writer.encode_page(events, WIDTH * HEIGHT, *bits)
    shape = HEIGHT * upsampling, WIDTH * upsampling
    theirs = imagecodecs.eer_decode(encoded, shape, *bits, superres=upsampling - 1)
    ours = np.zeros(shape, dtype=np.uint8)
    padded = np.frombuffer(encoded + bytes(16), dtype=np.uint8)
    assert add_events(padded, len(encoded), EventCode(WIDTH, HEIGHT, *bits), upsampling, ours)
    np.testing.assert_array_equal(ours, np.asarray(theirs).astype(np.uint8))


def test_the_summed_page_in_front_is_no_camera_frame(tmp_path: Path) -> None:
    events = frames(4)
    path = tmp_path / "movie.eer"
    writer.write_eer(path, events, WIDTH, HEIGHT, summed_page=True)
    with EerMovie(path, frames_per_fraction=1) as movie:
        assert movie.camera_frames == 4
        assert movie.pixel_size_a is None
        np.testing.assert_array_equal(movie.read_frame(0), picture(events[0], 1))


@pytest.mark.parametrize(
    ("wanted", "group"),
    [
        ({"frames_per_fraction": 7}, 7),
        ({}, 32),
        ({"dose_per_movie_e_per_a2": 50.0}, 1),
        ({"dose_per_movie_e_per_a2": 10.0}, 4),
        ({"dose_per_movie_e_per_a2": 10.0, "dose_per_fraction_e_per_a2": 0.5}, 2),
        ({"dose_per_movie_e_per_a2": 0.1}, 40),
    ],
)
def test_grouping(tmp_path: Path, wanted: dict[str, Any], group: int) -> None:
    path = tmp_path / "movie.eer"
    writer.write_eer(path, frames(40, 0.001), WIDTH, HEIGHT)
    with EerMovie(path, **wanted) as movie:
        assert (movie.frames_per_fraction, movie.frames) == (group, 40 // group)


@pytest.mark.parametrize(
    "wanted",
    [
        {"frames_per_fraction": 41},
        {"frames_per_fraction": 0},
        {"dose_per_fraction_e_per_a2": 1.0},
        {"dose_per_movie_e_per_a2": -1.0},
        {"upsampling": 3},
    ],
)
def test_impossible_wishes(tmp_path: Path, wanted: dict[str, Any]) -> None:
    path = tmp_path / "movie.eer"
    writer.write_eer(path, frames(40, 0.001), WIDTH, HEIGHT)
    with pytest.raises(InputError):
        EerMovie(path, **wanted)


def test_a_damaged_page_is_left_out_and_too_many_fail(tmp_path: Path) -> None:
    path = tmp_path / "movie.eer"
    events = frames(200, 0.001)
    pages = [
        (writer.encode_page(page, WIDTH * HEIGHT), {256: WIDTH, 257: HEIGHT, 258: 1, 259: 65001})
        for page in events
    ]
    pages[3] = (pages[3][0][:20], pages[3][1])
    pages[4] = (b"\x01" * 3 + pages[4][0], pages[4][1])
    writer.write_tiff_pages(path, pages)
    with EerMovie(path, frames_per_fraction=10) as movie:
        expected = sum(picture(events[k], 1) for k in range(10) if k not in (3, 4))
        np.testing.assert_array_equal(movie.read_frame(0), expected)
        assert movie.corrupt_camera_frames == (3, 4)
    pages[77] = (pages[77][0][:-2], pages[77][1])
    writer.write_tiff_pages(path, pages)
    with EerMovie(path, frames_per_fraction=10) as movie:
        movie.read_frame(0)
        with pytest.raises(InputError, match=r"movie\.eer: 3 of 200 camera frames are damaged"):
            movie.read_frame(7)


@pytest.mark.parametrize("upsampling", [1, 2])
@pytest.mark.parametrize(("left_over", "whole"), [(40, True), (500, False)])
def test_a_page_that_has_much_left_over_is_damaged(upsampling: int, left_over: int, whole: bool) -> None:
    encoded = writer.encode_page(frames(1, 0.02)[0], WIDTH * HEIGHT)
    padded = np.frombuffer(encoded + b"\x55" * left_over + bytes(16), dtype=np.uint8)
    image = np.zeros((HEIGHT * upsampling, WIDTH * upsampling), dtype=np.uint8)
    code = EventCode(WIDTH, HEIGHT, 7, 2, 2)
    assert add_events(padded, len(encoded) + left_over, code, upsampling, image) == whole
    assert image.any() == whole


def test_long_fractions_count_further_than_a_byte(tmp_path: Path) -> None:
    every = np.arange(WIDTH * HEIGHT)
    page = writer.encode_page((every, np.zeros_like(every), np.zeros_like(every)), WIDTH * HEIGHT)
    path = tmp_path / "movie.eer"
    tags = {256: WIDTH, 257: HEIGHT, 258: 1, 259: 65001}
    writer.write_tiff_pages(path, [(page, tags)] * 300)
    with EerMovie(path, frames_per_fraction=300) as movie:
        assert movie.dtype == np.uint16
        assert (movie.read_frame(0) == 300).all()


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "movie.eer"
    writer.write_eer(path, frames(20), WIDTH, HEIGHT)
    whole = path.read_bytes()
    for keep in (10, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError, match=r"movie\.eer: "):
            open_movie(path)


@given(
    st.binary(max_size=2000),
    st.sampled_from([(7, 2, 2), (8, 2, 2), (3, 1, 1), (16, 4, 4)]),
    st.sampled_from([1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_any_bits_stay_inside_the_image(encoded: bytes, bits: tuple[int, int, int], upsampling: int) -> None:
    size = HEIGHT * WIDTH * upsampling**2
    memory = np.zeros(size + 2 * 4096, dtype=np.uint8)
    image = memory[4096 : 4096 + size].reshape(HEIGHT * upsampling, WIDTH * upsampling)
    padded = np.frombuffer(encoded + b"\xff" * 16, dtype=np.uint8)
    whole = add_events(padded, len(encoded), EventCode(WIDTH, HEIGHT, *bits), upsampling, image)
    assert not memory[:4096].any()
    assert not memory[4096 + size :].any()
    if not whole:
        assert not image.any()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_gives_a_movie_or_an_error(tmp_path: Path, damage: list[tuple[int, int]]) -> None:
    path = tmp_path / "fuzz.eer"
    if not (tmp_path / "whole").exists():
        writer.write_eer(tmp_path / "whole", frames(3, 0.005), WIDTH, HEIGHT, metadata=METADATA)
    content = bytearray((tmp_path / "whole").read_bytes())
    for position, value in damage:
        content[position % len(content)] = value
    path.write_bytes(content)
    try:
        with open_movie(path, eer_frames_per_fraction=1) as movie:
            if movie.height_px * movie.width_px < 1 << 24:
                movie.read_frame(0)
    except InputError as error:
        assert "fuzz.eer" in str(error)
