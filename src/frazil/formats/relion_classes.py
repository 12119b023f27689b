"""Class averages in the shape of RELION's Class2D job, so that its programs open them.

Model, optimiser and sampling files hold every value that RELION's readers demand. What only an iteration of
RELION knows is an estimate: the noise is measured on particle images, the signal on the averages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.relion_optimiser import SAMPLING, UNKNOWN, optimiser
from frazil.formats.star import StarTable, write_star

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_PADDING = 2.0
_SHIFT_SIGMA_A = 10.0
_SMALLEST = 1e-20


@dataclass(frozen=True)
class ClassModel:
    """Class averages and what is known of them.

    Attributes
    ----------
    stack
        Name of the stack of averages, as tables give it.
    averages
        Shape (K, n, n); empty classes are zeros.
    pixel_size_a
        Å.
    particles
        Shape (K,): members of each class.
    resolution_a
        Shape (K,): NaN where it is not known.
    noise_power
        For each optics group, shape (n // 2 + 1,): mean of |F|² / 2 by ring of a particle's transform that is
        divided by its number of pixels.
    group_particles
        How many particles each optics group has. One group shares noise and scale: a group for each
        micrograph, as RELION makes them itself, says no more before its first iteration.
    particle_diameter_a
        Å.
    """

    stack: str
    averages: NDArray[np.float32]
    pixel_size_a: float
    particles: NDArray[np.int64]
    resolution_a: NDArray[np.float64]
    noise_power: Sequence[NDArray[np.float64]]
    group_particles: Sequence[int]
    particle_diameter_a: float


def group_name(group: int) -> str:
    """Name of the group of particles of an optics group, as model and data files have it."""
    return f"group_{group}"


def ring_power(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean of |F|² / 2 by ring, over all images.

    ``images``: shape (P, n, n). Returns shape (n // 2 + 1,); F is the transform divided by n².
    """
    size = images.shape[-1]
    frequency = np.rint(
        np.hypot(np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None, :] * size)
    ).astype(np.int64)
    inside = frequency <= size // 2
    total = np.zeros(size // 2 + 1)
    for image in images:
        power = np.abs(np.fft.rfft2(image.astype(np.float64)) / size**2) ** 2
        total += np.bincount(frequency[inside], power[inside], minlength=total.size)
    rings = np.bincount(frequency[inside], minlength=total.size)
    mean: NDArray[np.float64] = 0.5 * total / (rings * max(1, len(images)))
    return mean


def write_class_model(folder: Path, prefix: str, model: ClassModel, selected: Collection[int]) -> None:
    """Write ``run_it000_{model,optimiser,sampling}.star`` and ``selected_classes.star``.

    Parameters
    ----------
    folder
        Where; the data file and the stack are written there by the caller.
    prefix
        The folder's name in tables, with a slash at the end.
    selected
        Numbers (from 1) of the classes that a person kept; without any the last file is not written.
    """
    write_star(folder / "run_it000_model.star", _model_blocks(model))
    write_star(
        folder / "run_it000_optimiser.star",
        {"optimiser_general": _list(optimiser(prefix, model.particle_diameter_a))},
    )
    write_star(folder / "run_it000_sampling.star", {"sampling_general": _list(SAMPLING)})
    rows = [k - 1 for k in sorted(selected) if 1 <= k <= len(model.averages)]
    if rows:
        table = {name: [values[row] for row in rows] for name, values in _classes(model).items()}
        write_star(folder / "selected_classes.star", {"": table})


def _model_blocks(model: ClassModel) -> dict[str, Any]:
    blocks: dict[str, Any] = {"model_general": _general(model), "model_classes": _classes(model)}
    mean_noise = np.mean(model.noise_power, axis=0)
    for k in range(len(model.averages)):
        blocks[f"model_class_{k + 1}"] = _class_spectrum(model, k, mean_noise)
    groups = len(model.noise_power)
    blocks["model_groups"] = {
        "rlnGroupNumber": list(range(1, groups + 1)),
        "rlnGroupName": [group_name(group) for group in range(1, groups + 1)],
        "rlnGroupNrParticles": list(model.group_particles),
        "rlnGroupScaleCorrection": [1.0] * groups,
    }
    rings = np.arange(mean_noise.size)
    # RELION 3.1 keeps the noise by group of micrographs, later ones by optics group.
    for kind in ("group", "optics_group"):
        for group, noise in enumerate(model.noise_power, 1):
            blocks[f"model_{kind}_{group}"] = {
                "rlnSpectralIndex": rings,
                "rlnResolution": rings / _box_a(model),
                "rlnSigma2Noise": _scientific(noise),
            }
    return blocks


def _general(model: ClassModel) -> StarTable:
    size = model.averages.shape[-1]
    known = model.resolution_a[np.isfinite(model.resolution_a)]
    best_a = float(known.min()) if known.size else 4.0 * model.pixel_size_a
    columns: dict[str, Any] = {
        "rlnReferenceDimensionality": 2,
        "rlnDataDimensionality": 2,
        "rlnOriginalImageSize": size,
        "rlnCurrentResolution": best_a,
        "rlnCurrentImageSize": size,
        "rlnPaddingFactor": _PADDING,
        "rlnIsHelix": 0,
        "rlnFourierSpaceInterpolator": 1,
        "rlnMinRadiusNnInterpolation": 10,
        "rlnPixelSize": model.pixel_size_a,
        "rlnNrClasses": len(model.averages),
        "rlnNrBodies": 1,
        "rlnNrGroups": len(model.noise_power),
        "rlnNrOpticsGroups": len(model.noise_power),
        "rlnTau2FudgeFactor": 2.0,
        "rlnNormCorrectionAverage": 1.0,
        "rlnSigmaOffsetsAngst": _SHIFT_SIGMA_A,
        "rlnOrientationalPriorMode": 0,
        "rlnSigmaPriorRotAngle": 0.0,
        "rlnSigmaPriorTiltAngle": 0.0,
        "rlnSigmaPriorPsiAngle": 0.0,
        "rlnLogLikelihood": 0.0,
        "rlnAveragePmax": 1.0,
    }
    return _list(columns)


def _classes(model: ClassModel) -> dict[str, list[Any]]:
    count = len(model.averages)
    share = model.particles / max(1, int(model.particles.sum()))
    return {
        "rlnReferenceImage": [f"{k + 1:06d}@{model.stack}" for k in range(count)],
        "rlnClassDistribution": share.tolist(),
        "rlnAccuracyRotations": [UNKNOWN] * count,
        "rlnAccuracyTranslationsAngst": [UNKNOWN] * count,
        "rlnEstimatedResolution": [_resolution(model, k) for k in range(count)],
        "rlnOverallFourierCompleteness": [1.0] * count,
        "rlnClassPriorOffsetX": [0.0] * count,
        "rlnClassPriorOffsetY": [0.0] * count,
    }


def _resolution(model: ClassModel, k: int) -> float:
    value = float(model.resolution_a[k])
    return value if math.isfinite(value) else UNKNOWN


def _class_spectrum(model: ClassModel, k: int, noise: NDArray[np.float64]) -> dict[str, Any]:
    signal = ring_power(model.averages[k : k + 1])
    # CTF² is 1/2 on average.
    error = np.maximum(noise / max(0.5, 0.5 * float(model.particles[k])), _SMALLEST)
    rings = np.arange(noise.size)
    resolution = rings / _box_a(model)
    return {
        "rlnSpectralIndex": rings,
        "rlnResolution": resolution,
        "rlnAngstromResolution": np.divide(1.0, resolution, out=np.full(rings.size, 999.0), where=rings > 0),
        "rlnSsnrMap": np.minimum(signal / error, 1e6),
        "rlnGoldStandardFsc": np.zeros(rings.size),
        "rlnFourierCompleteness": np.ones(rings.size),
        "rlnReferenceSigma2": _scientific(error),
        "rlnReferenceTau2": _scientific(signal),
    }


def _box_a(model: ClassModel) -> float:
    return int(model.averages.shape[-1]) * model.pixel_size_a


def _scientific(power: NDArray[np.float64]) -> list[str]:
    """Small numbers, which RELION divides by, as words that keep their digits."""
    return [f"{value:.6e}" for value in np.maximum(power, _SMALLEST).tolist()]


def _list(columns: Mapping[str, Any]) -> StarTable:
    return StarTable({name: [value] for name, value in columns.items()}, is_loop=False)
