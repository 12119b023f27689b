"""Metadata of microscopes: real samples of EPU and SerialEM, names, and bytes that are neither."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frazil.formats.epu import read_epu_xml
from frazil.formats.mdoc import read_mdoc
from frazil.formats.microscope_metadata import best_folders, describe_movie, find_side_file, read_side_file
from frazil.formats.microscope_names import metadata_from_name, side_file_names
from frazil.model.errors import InputError
from frazil.model.metadata import MovieMetadata, movie_pixel_size_a

DATA = Path(__file__).parents[3] / "shared" / "data" / "formats"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
EPU = "FoilHole_19513699_Data_19508496_19508498_20230919_154056.xml"
XML = """<MicroscopeImage xmlns="http://x" xmlns:a="http://y">
<CustomData><a:KeyValue><a:Key>Dose</a:Key><a:Value>5E+21</a:Value></a:KeyValue></CustomData>
<SpatialScale><pixelSize><x><numericValue>1.5E-10</numericValue></x></pixelSize></SpatialScale>
<microscopeData><acquisition><camera><ReadoutArea><a:width>2880</a:width><a:height>2046</a:height></ReadoutArea>
</camera></acquisition><gun><AccelerationVoltage>200000</AccelerationVoltage></gun></microscopeData>
</MicroscopeImage>"""
MDOC = "T = SerialEM\nVoltage = 300\n\n[FrameSet = 0]\nPixelSpacing = 1.2\nBinning = 0.5\nNumSubFrames = 40\n"


@needs_data
def test_epu_sample_tells_what_the_microscope_did() -> None:
    told = read_epu_xml(DATA / EPU)
    assert told.voltage_kv == 300
    assert told.image_pixel_size_a == pytest.approx(1.0559, abs=1e-4)
    assert told.dose_per_movie_e_per_a2 == pytest.approx(39.923, abs=1e-3)
    assert told.frames == 50
    assert told.exposure_s == 0.75
    assert told.nominal_defocus_a == pytest.approx(20_000)
    assert told.acquired_at == datetime(2023, 9, 19, 14, 41, 0, 649784, tzinfo=UTC)
    assert told.beam_shift == pytest.approx((-0.0944922640, -0.0117229744))
    assert (told.stage_x_um, told.stage_y_um) == pytest.approx((267.9873, -420.2457))
    assert told.tilt_deg == pytest.approx(math.degrees(-0.00051001212656003416))
    assert (told.magnification, told.slit_width_ev, told.phase_plate) == (165_000, 10, False)
    assert told.camera == "BioQuantum K3"


@needs_data
@pytest.mark.parametrize("name", ["FoilHole_5850127_Data_5798426_5798428_20221104_061329.xml", EPU])
def test_epu_dose_and_pixel_belong_together(name: str) -> None:
    """Dose is dose on the camera over the square of the pixel: so this pixel is the preview's."""
    told = read_epu_xml(DATA / name)
    text = (DATA / name).read_text(encoding="utf-8")
    on_camera = float(text.split("DoseOnCamera</a:Key>")[1].split(">")[1].split("<")[0])
    assert told.dose_per_movie_e_per_a2 is not None and told.image_pixel_size_a is not None
    assert told.dose_per_movie_e_per_a2 == pytest.approx(on_camera / told.image_pixel_size_a**2, rel=1e-9)
    # A counting K3 movie has twice the preview's pixels along each side, a super-resolution movie four times.
    assert told.with_movie_size(5760, 4092).pixel_size_a == pytest.approx(told.image_pixel_size_a / 2)
    assert told.with_movie_size(11520, 8184).pixel_size_a == pytest.approx(told.image_pixel_size_a / 4)
    assert told.with_movie_size(4096, 4096).pixel_size_a is None


@needs_data
def test_mdoc_samples() -> None:
    apollo = read_mdoc(DATA / "mdoc" / "20220605_75157_20220605-aav2spr_1-1_counted_frames.mrc.mdoc")
    assert apollo.voltage_kv == 300
    assert apollo.dose_per_movie_e_per_a2 is None, "0 means not calibrated"
    assert (apollo.frames, apollo.multishot) == (46, "1-1")
    assert apollo.nominal_defocus_a == 20_000
    assert apollo.image_shift == (0.370925, 0.140584)
    assert apollo.movie_name == "20220605_75157_20220605-aav2spr_1-1_counted_frames.mrc"
    assert apollo.acquired_at == datetime(2022, 6, 5, 23, 45, 28)
    k3 = read_mdoc(DATA / "mdoc" / "frame_set_single.mdoc")
    assert k3.dose_per_movie_e_per_a2 == pytest.approx(7.65892, rel=1e-4)
    assert k3.gain_name == "SuperRef_s_mmm_00000_-15.0_Oct08_01.59.24.dm4"
    for other in ("frame_set_multiple.mdoc", "tilt_series.mdoc", "montage_section.mdoc"):
        with pytest.raises(InputError, match=other):
            read_mdoc(DATA / "mdoc" / other)


@needs_data
def test_pixel_of_an_mdoc_is_settled_by_the_camera(tmp_path: Path) -> None:
    side_file = DATA / "mdoc" / "frame_set_single.mdoc"
    movie = tmp_path / "s_mmm_00993_33.0_Oct08_07.39.05.tif"
    assert describe_movie(movie, side_file, (11520, 8184)).pixel_size_a == pytest.approx(1.2827)
    assert describe_movie(movie, side_file, (5760, 4092)).pixel_size_a == pytest.approx(2 * 1.2827)
    assert describe_movie(movie, side_file, (4092, 5760)).pixel_size_a == pytest.approx(2 * 1.2827)
    assert describe_movie(movie, side_file, (4096, 4096)).pixel_size_a is None


@pytest.mark.parametrize(
    ("image", "movie", "expected"),
    [
        ((2880, 2046), (5760, 4092), 0.5),
        ((4096, 4096), (4096, 4096), 1.0),
        ((4096, None), (2048, 2048), 2.0),
        ((2880, 2046), (4092, 5760), 0.5),
        ((2880, 2046), (5760, 4096), 0.5),
        ((2880, 2046), (5760, 5760), None),
        ((2880, 2046), (1920, None), None),
        ((2880, 2046), (0, 0), None),
    ],
)
def test_only_simple_ratios_settle_the_pixel(
    image: tuple[int, int | None], movie: tuple[int, int | None], expected: float | None
) -> None:
    assert movie_pixel_size_a(1.0, image, movie) == (expected and pytest.approx(expected, rel=0.01))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "Images-Disc1/GridSquare_123/Data/FoilHole_7_Data_8_9_20230919_154056_Fractions.tiff",
            ("123", "7", "8", None, datetime(2023, 9, 19, 15, 40, 56)),
        ),
        ("GridSquare_5_Data_FoilHole_7_Data_8_9_20161024_1806_EER.eer.gz",
         ("5", "7", "8", None, datetime(2016, 10, 24, 18, 6))),
        ("FoilHole_7_Data_8_9_20231345_990000_EER.eer", (None, "7", "8", None, None)),
        ("day1/grid_0012_X+1Y-1-2.tif", (None, None, None, "X+1Y-1-2", None)),
        ("plain.tif", (None, None, None, None, None)),
    ],
)  # fmt: skip
def test_names(path: str, expected: tuple[object, ...]) -> None:
    told = metadata_from_name(PurePath(path))
    assert (told.grid_square, told.foil_hole, told.shot, told.multishot, told.acquired_at) == expected


def test_side_file_is_found_by_stem_beside_the_movie_and_in_a_second_tree(tmp_path: Path) -> None:
    movies, metadata = (
        tmp_path / "movies" / "GridSquare_1" / "Data",
        tmp_path / "meta" / "GridSquare_1" / "Data",
    )
    other = tmp_path / "meta" / "GridSquare_2" / "Data"
    for folder in (movies, metadata, other):
        folder.mkdir(parents=True)
    movie = movies / "FoilHole_7_Data_8_9_20230919_154056_Fractions.tiff"
    assert find_side_file(movie, [metadata]) is None
    for folder in (metadata, other):
        (folder / "FoilHole_7_Data_8_9_20230919_154056.xml").write_text(XML)
    folders = best_folders([other, metadata], movie)
    assert find_side_file(movie, folders) == metadata / "FoilHole_7_Data_8_9_20230919_154056.xml"
    beside = movies / f"{movie.name}.mdoc"
    beside.write_text(MDOC)
    assert find_side_file(movie, folders) == beside
    told = describe_movie(movie, metadata / "FoilHole_7_Data_8_9_20230919_154056.xml", (5760, 4092))
    assert (told.source, told.grid_square, told.voltage_kv, told.pixel_size_a) == ("EPU", "1", 200, 0.75)
    assert told.acquired_at == datetime(2023, 9, 19, 15, 40, 56), "from the name: the XML does not tell it"


def test_side_file_is_never_the_movie_itself() -> None:
    assert side_file_names("a.xml", ".xml") == ["a.xml.xml"]


def test_foreign_xml_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<Acquisition><Info/></Acquisition>")
    with pytest.raises(InputError, match=r"a\.xml: XML of other camera software"):
        read_side_file(path)
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><MicroscopeImage>&b;</MicroscopeImage>')
    with pytest.raises(InputError, match="document type"):
        read_side_file(path)
    path.write_bytes(b"<MicroscopeImage>" + b" " * (1 << 20) + b"</MicroscopeImage>")
    with pytest.raises(InputError, match="too many"):
        read_side_file(path)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One of the two documents with pieces replaced: more often nearly right than random bytes."""
    text = bytearray(draw(st.sampled_from([XML.encode(), MDOC.encode()])))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        text[start : start + draw(st.integers(0, 20))] = draw(
            st.sampled_from([b"NaN", b"1e999", b"-", b"[ZValue = 1]", b"\xff\xfe", b"<a>", b"="])
            | st.binary(max_size=8)
        )
    return bytes(text)


@settings(max_examples=400, deadline=None)
@given(document=st.binary(max_size=300) | damaged())
def test_any_bytes_give_metadata_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, document: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("hostile.xml", "hostile.mdoc"):
        (folder / name).write_bytes(document)
        try:
            told = read_side_file(folder / name)
        except InputError as error:
            assert name in str(error)
            continue
        MovieMetadata.model_validate_json(told.model_dump_json())
        for value in (
            told.voltage_kv,
            told.image_pixel_size_a,
            told.dose_per_movie_e_per_a2,
            told.exposure_s,
        ):
            assert value is None or (value > 0 and math.isfinite(value))


@settings(max_examples=300, deadline=None)
@given(name=st.text(max_size=80).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_name_gives_metadata(name: str) -> None:
    metadata_from_name(PurePath("GridSquare_1") / name)
    side_file_names(name, ".xml")
