"""MRC: against mrcfile, RELION's conventions, and damaged headers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import mrcfile
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil.formats.movie import open_movie
from frazil.formats.mrc import MrcStack, MrcStackWriter, read_mrc, write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[3] / "shared" / "data"


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("depth", ["float16", "float32"])
@pytest.mark.parametrize("shape", [(20, 30), (4, 20, 30)])
def test_what_we_write_is_valid_for_mrcfile(tmp_path: Path, depth: Any, shape: tuple[int, ...]) -> None:
    path = tmp_path / "stack.mrcs"
    image = noise(*shape)
    write_mrc(path, image, 1.25, depth=depth)
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(file.data, image.astype(depth))
        header = file.header
        assert (int(header.mz), int(header.ispg), int(header.nversion)) == (1, 0, 20141)
        assert float(file.voxel_size.x) == pytest.approx(1.25)
        assert float(header.dmean) == pytest.approx(image.astype(depth).mean(dtype=float), abs=1e-6)
        assert float(header.rms) == pytest.approx(image.astype(depth).std(dtype=float), rel=1e-5)
        assert float(header.dmin) == image.astype(depth).min()
        assert float(header.dmax) == image.astype(depth).max()
    assert mrcfile.validate(path)
    back = read_mrc(path)
    np.testing.assert_array_equal(back.data, image.astype(depth))
    assert back.pixel_size_a == 1.25


def test_a_volume_says_so(tmp_path: Path) -> None:
    path = tmp_path / "map.mrc"
    write_mrc(path, noise(6, 8, 10), 2.0, depth="float32", volume=True)
    with mrcfile.open(path) as file:
        assert file.is_volume()
        assert (int(file.header.mz), int(file.header.ispg)) == (6, 1)


@pytest.mark.parametrize(
    ("given_dtype", "mode"), [("int8", 0), ("int16", 1), ("uint16", 6), ("float32", 2), ("float16", 12)]
)
def test_movies_can_keep_their_type(tmp_path: Path, given_dtype: str, mode: int) -> None:
    path = tmp_path / "movie.mrc"
    frames = np.arange(60, dtype=given_dtype).reshape(3, 4, 5)
    write_mrc(path, frames, 1.0, depth="stored")
    with mrcfile.open(path) as file:
        assert int(file.header.mode) == mode
        np.testing.assert_array_equal(file.data, frames)


def test_bytes_above_127_become_words(tmp_path: Path) -> None:
    path = tmp_path / "movie.mrc"
    write_mrc(path, np.array([[200, 1]], dtype=np.uint8), 1.0, depth="stored")
    np.testing.assert_array_equal(read_mrc(path).data, np.array([[200, 1]], dtype=np.uint16))


def test_values_that_float16_cannot_hold_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="values that float16 can't"):
        write_mrc(tmp_path / "a.mrc", np.array([[1e6, 0.0]], dtype=np.float32), 1.0)
    with pytest.raises(InputError, match="no image"), MrcStackWriter(tmp_path / "b.mrc", 1.0):
        pass
    with (
        pytest.raises(InputError, match="follow images of"),
        MrcStackWriter(tmp_path / "c.mrc", 1.0) as writer,
    ):
        writer.append(noise(2, 4, 4))
        writer.append(noise(4, 5))
    assert not list(tmp_path.iterdir())


def test_a_stack_written_image_by_image_equals_one_written_whole(tmp_path: Path) -> None:
    images = noise(7, 12, 10)
    with MrcStackWriter(tmp_path / "a.mrcs", 1.5) as writer:
        writer.append(images[0])
        writer.append(images[1:5])
        writer.append(images[5:])
        assert not (tmp_path / "a.mrcs").exists()
    write_mrc(tmp_path / "b.mrcs", images, 1.5)
    np.testing.assert_array_equal(read_mrc(tmp_path / "a.mrcs").data, read_mrc(tmp_path / "b.mrcs").data)


def test_random_access(tmp_path: Path) -> None:
    images = noise(9, 6, 5)
    write_mrc(tmp_path / "a.mrcs", images, 1.0, depth="float32")
    with MrcStack(tmp_path / "a.mrcs") as stack:
        assert (len(stack), stack.shape, stack.pixel_size_a) == (9, (9, 6, 5), None)
        np.testing.assert_array_equal(stack[4], images[4])
        np.testing.assert_array_equal(stack[-1], images[-1])
        np.testing.assert_array_equal(stack[2:8:2], images[2:8:2])
        np.testing.assert_array_equal(stack[np.array([7, 0, 7])], images[[7, 0, 7]])
        with pytest.raises(InputError, match="no image 9"):
            stack[9]


def header_of(path: Path) -> bytearray:
    return bytearray(path.read_bytes())


def test_big_endian_files(tmp_path: Path) -> None:
    path = tmp_path / "big.mrc"
    image = noise(3, 4, 5)
    write_mrc(path, image, 1.5, depth="float32")
    words = np.frombuffer(path.read_bytes(), dtype="<u4").astype(">u4").tobytes()
    stamped = bytearray(words)
    stamped[208:216] = b"MAP \x11\x11\0\0"
    path.write_bytes(stamped)
    back = read_mrc(path)
    np.testing.assert_array_equal(back.data, image)
    assert back.pixel_size_a == 1.5
    unstamped = bytearray(words)
    unstamped[208:216] = bytes(8)
    path.write_bytes(unstamped)
    np.testing.assert_array_equal(read_mrc(path).data, image)


def test_extended_header_and_relions_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    image = noise(4, 5)
    write_mrc(path, image, 1.5, depth="float32")
    content = header_of(path)
    struct.pack_into("<i", content, 92, 100)
    content[104:108] = b"FEI1"
    content[212:214] = b"\x44\x41"
    path.write_bytes(content[:1024] + bytes(100) + content[1024:])
    np.testing.assert_array_equal(read_mrc(path).data, image)
    with open_movie(path) as movie:
        assert movie.already_gain_corrected is True


def test_four_bit_movies(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 16, (3, 6, 8)).astype(np.uint8)
    path = tmp_path / "packed.mrc"
    write_mrc(path, np.zeros((3, 6, 4), dtype=np.int8), 1.0, depth="stored")
    content = header_of(path)
    struct.pack_into("<4i", content, 0, 8, 6, 3, 101)
    path.write_bytes(bytes(content[:1024]) + (pixels[..., 0::2] | pixels[..., 1::2] << 4).tobytes())
    with open_movie(path) as movie:
        assert (movie.frames, movie.height_px, movie.width_px, movie.dtype) == (3, 6, 8, np.dtype(np.uint8))
        np.testing.assert_array_equal(np.stack([movie.read_frame(k) for k in range(3)]), pixels)
    struct.pack_into("<4i", content, 0, 7, 6, 3, 101)
    path.write_bytes(content + bytes(100))
    with pytest.raises(InputError, match="odd width of 7"):
        open_movie(path)


def test_unsigned_bytes(tmp_path: Path) -> None:
    path = tmp_path / "old.mrc"
    write_mrc(path, np.array([[-1, 1], [2, 3]], dtype=np.int8), 1.0, depth="stored")
    assert read_mrc(path).data[0, 0] == -1
    with open_movie(path) as movie:
        assert movie.read_frame(0)[0, 0] == 255
    content = header_of(path)
    struct.pack_into("<2i", content, 152, 1146047817, 1)
    path.write_bytes(content)
    with open_movie(path) as movie:
        assert movie.read_frame(0)[0, 0] == -1
    struct.pack_into("<2i", content, 152, 1146047817, 0)
    path.write_bytes(content)
    assert read_mrc(path).data[0, 0] == 255


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, imagecodecs.zstd_encode])
def test_compressed_files(tmp_path: Path, compress: Any) -> None:
    path = tmp_path / "a.mrc"
    image = noise(40, 50)
    write_mrc(path, image, 1.5, depth="float32")
    whole = compress(path.read_bytes())
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_mrc(path).data, image)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.mrc: .*truncated or still being written"):
        read_mrc(path)


def test_truncated_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = tmp_path / "May08.mrc"
    write_mrc(path, noise(40, 8, 8), 1.0, depth="float32")
    path.write_bytes(path.read_bytes()[: 1024 + 3 * 256 + 100])
    with pytest.raises(InputError, match=r"May08\.mrc: 3 frames readable of 40 announced; .*truncated"):
        open_movie(path)


def test_bad_input_is_named(tmp_path: Path) -> None:
    names = ("missing", "empty", "foreign", "folder", "pipe", "stub", "binary")
    missing, empty, foreign, folder, pipe, stub, binary = (tmp_path / name for name in names)
    empty.touch()
    foreign.write_text("lorem ipsum " * 200)
    folder.mkdir()
    os.mkfifo(pipe)
    stub.write_bytes(bytes(100))
    binary.write_bytes(b"\xff\xd8\xff\xe0" * 500)
    for path, problem in (
        (missing, "no such file"),
        (empty, "is empty"),
        (foreign, "begins with 'lorem ip', not as TIFF .* MRC file"),
        (folder, "is a folder, not a file"),
        (pipe, "is a pipe or a device, not a file"),
        (stub, "100 bytes, and an MRC header has 1024"),
        (binary, "is a JPEG picture, not an MRC"),
    ):
        with pytest.raises(InputError, match=f"{path.name}: .*{problem}"):
            open_movie(path)


def test_nan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    write_mrc(path, noise(2, 8, 8), 1.0, depth="float32")
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 1024 + 64 * 4 + 12, float("nan"))
    path.write_bytes(content)
    with open_movie(path) as movie:
        movie.read_frame(0)
        with pytest.raises(InputError, match=r"1 of 64 pixels of frame 2 are not finite"):
            movie.read_frame(1)
    with pytest.raises(InputError, match="not finite"):
        read_mrc(path)
    assert np.isnan(read_mrc(path, allow_nonfinite=True).data).sum() == 1


def test_impossible_sizes_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "huge.mrc"
    write_mrc(path, noise(8, 8), 1.0)
    content = header_of(path)
    struct.pack_into("<3i", content, 0, 2**31 - 1, 2**31 - 1, 2**31 - 1)
    path.write_bytes(content)
    with pytest.raises(InputError, match="0 frames readable of 2147483647"):
        read_mrc(path)


@given(st.dictionaries(st.integers(0, 255), st.integers(-(2**31), 2**31 - 1), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_gives_a_result_or_an_error(tmp_path: Path, changes: dict[int, int]) -> None:
    path = tmp_path / "fuzz.mrc"
    write_mrc(path, noise(2, 6, 4), 1.3)
    content = header_of(path)
    for word, value in changes.items():
        struct.pack_into("<i", content, 4 * word, value)
    path.write_bytes(content)
    try:
        image = read_mrc(path, allow_nonfinite=True)
    except InputError as error:
        assert "fuzz.mrc" in str(error)
    else:
        assert image.data.nbytes <= 4 * len(content)


@given(st.binary(max_size=1500))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_a_result_or_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz.mrc"
    path.write_bytes(content)
    try:
        with open_movie(path) as movie:
            movie.read_frame(0)
    except InputError as error:
        assert "fuzz.mrc" in str(error)


def test_real_files_as_mrcfile_reads_them() -> None:
    if not DATA.exists():
        pytest.skip("shared data are not here")
    paths = [*DATA.rglob("*.mrc"), *DATA.rglob("*.mrcs"), *DATA.rglob("*.map")]
    assert paths
    for path in paths:
        # mrcfile warns of some of them, among others where the MAP stamp is missing.
        with warnings.catch_warnings(action="ignore"), mrcfile.open(path, permissive=True) as file:
            ours = read_mrc(path)
            np.testing.assert_array_equal(np.squeeze(ours.data), np.squeeze(file.data))


def test_numbers_whose_squares_are_too_large_are_written_as_they_are(tmp_path: Path) -> None:
    image = np.full((40, 50), 1e30, dtype=np.float32)
    image[::2] = -1e30
    write_mrc(tmp_path / "large.mrc", image, 1.0, depth="float32")
    with mrcfile.open(tmp_path / "large.mrc") as file:
        np.testing.assert_array_equal(file.data, image)
        assert float(file.header.rms) == pytest.approx(1e30, rel=1e-6)
