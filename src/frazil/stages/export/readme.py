"""README.txt of an export: what is in it, how to import it, which way the axes run."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from frazil.model.words import plural
from frazil.stages.export.reextract import background_radius_a, box_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.request import Snapshot

_MOST_KINDS = 5
_PIXEL = "micrograph_pixel_size_a"
_RELION = {
    ("particles.star",): """\
  - particles.star goes into Class2D, InitialModel, Refine3D.
""",
    (
        "micrographs_ctf.star",
        "autopick.star",
    ): """\
  - micrographs_ctf.star and autopick.star go into Extraction.
""",
    (
        "movies.star",
        "corrected_micrographs.star",
    ): """\
  - corrected_micrographs.star and the motion files go into Bayesian polishing, with the movies.
""",
    ("class2d",): """\
  - class2d/run_it000_optimiser.star opens in Subset selection and in the class ranker. Its averages are those
    of the particles in particles.star at the angles and shifts given there, as RELION makes them of that
    table; the session's own averages weight every particle with its probabilities.
  - As references: relion_refine --ref class2d/run_it000_model.star; of a stack of averages it takes the first
    for all classes. Auto-picking takes class2d/selected_classes.star, where classes are selected.
""",
}
"""By files that have to be there."""
_SEVERAL_KINDS = """\
  - Images have several boxes or pixels: as references the averages need --trust_ref_size, too (RELION's
    "Resize reference if needed"), or relion_refine stops.
"""
_IMPORT = {
    "relion": """How to use it in RELION 3.1, 4 or 5
{place}{tables}  RELION 3.1 reads no half precision: export with image depth float32 for it.
""",
    "cryosparc": """How to use it in cryoSPARC
  - Import Micrographs: micrographs/*.mrc with the values below.
  - Import Particle Stack: meta path particles.star, data path this folder. Connect the imported micrographs
    as source exposures; names agree without cutting.
  - The stacks are linked there, not copied: leave this folder where it is.
  - If cryoSPARC aligns the movies itself and they are TIFF, its micrographs are upside-down against ours:
    import particles_flipped_y.star for the locations then (ignore raw data), never both.
""",
    "cistem": """How to use it in cisTEM
  Assets, Refinement packages, Import: stack particles.mrcs, table particles.star, type cisTEM.
  Protein is white. classes.mrcs holds the averages of these particles at the angles and shifts of the table.
  For refine2d: the same two files; answer Yes to "invert".
""",
    "csv": """Tables only: CSV (UTF-8) and the same as Parquet. Empty means missing; times are UTC.
""",
}

_RELATIVE = """\
  Make this folder the project: cd here, then start relion. All paths in the tables are relative to it.
  In another project: link this folder's subfolders into it.
"""
_ABSOLUTE = """\
  Paths in the tables are absolute: any folder can be the project, but class2d/ needs this one.
"""
_AXES = """Which way the axes run
  Coordinates are pixels of the micrograph, counted from 0: x is the column, y the row, both from the first
  value stored in the MRC file. Angles turn from +x towards +y. The centre of n pixels is n // 2.
  True centre = coordinate - origin / pixel size. Defocus is in Angstrom, underfocus positive; its angle is
  that of DefocusU from +x. Particle images are white, background mean 0 and sigma 1.
  overlay/ shows exported coordinates on exported micrographs.
"""


def readme(
    folder: Path,
    snapshot: Snapshot,
    counts: Mapping[str, int],
    optics: ExportOptics | None,
    movies: Sequence[Gathered],
    notes: Sequence[str],
) -> str:
    """Return the text; ``folder`` holds what was exported, and only that is spoken of."""
    when = datetime.fromtimestamp(snapshot.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    request = snapshot.request
    lines = [
        f"{snapshot.session} (S{snapshot.session_number}), export {snapshot.name}",
        f"Made by {snapshot.software} for {snapshot.created_by}; state of the session: {when}",
        "",
        "Content",
        *(f"  {name.replace('_', ' ')}: {count:,}" for name, count in counts.items()),
        f"  filter: {request.filter_name or ('not saved' if request.where else 'none')}",
        f"  classes: {request.selection or request.classes}"
        + (f", of update {snapshot.classes.number}" if snapshot.classes else ""),
        "",
        _IMPORT[request.format].format(
            place=_ABSOLUTE if request.files == "none" else _RELATIVE,
            tables="".join(
                text for files, text in _RELION.items() if all((folder / name).exists() for name in files)
            )
            + (_SEVERAL_KINDS if (folder / "class2d").exists() and _has_several_kinds(optics) else "")
            # Recentred boxes are not around the picks.
            + (_extraction(movies) if (folder / "autopick.star").exists() and not request.recenter else ""),
        ),
    ]
    if optics is not None:
        lines.append(
            "Values of the microscope (optics group: kV, Cs, amplitude contrast, "
            "pixels of movie / micrograph / particle)"
        )
        for number, group in enumerate(optics.groups, 1):
            pixels = " / ".join(
                "-" if pixel is None else f"{pixel:.4f}"
                for pixel in (
                    group.movie_pixel_size_a,
                    group.micrograph_pixel_size_a,
                    group.image_pixel_size_a,
                )
            )
            lines.append(
                f"  {number}: {group.optics.voltage_kv:g} kV, {group.optics.cs_mm:g} mm, "
                f"{group.optics.amplitude_contrast:g}, {pixels} A"
            )
        lines.append("")
    lines.append(_AXES)
    if notes:
        lines += ["Notes", *(f"  - {note}" for note in notes), ""]
    lines.append("manifest.tsv lists every file with its size and xxh3-128 checksum.")
    return "\n".join(lines) + "\n"


def _has_several_kinds(optics: ExportOptics | None) -> bool:
    groups = optics.groups[: optics.with_images] if optics is not None else []
    return len({(group.image_size_px, group.image_pixel_size_a) for group in groups}) > 1


def _extraction(movies: Sequence[Gathered]) -> str:
    """How RELION's Extraction makes the same images as in particles/."""
    kinds = Counter(
        (box_of(None, movie), movie.image_size_px, 2 * round(radius_a / movie.record.number(_PIXEL)))
        for movie in movies
        if movie.image_size_px and (radius_a := background_radius_a(movie))
    )
    return "".join(
        f"  - Extraction makes the same images (of {plural(number, 'micrograph')}) with particle box {box}, "
        f"rescaled to {size},\n    background circle {circle} pixels, normalised, contrast inverted.\n"
        for (box, size, circle), number in kinds.most_common(_MOST_KINDS)
    )
