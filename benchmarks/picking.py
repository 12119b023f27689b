"""Picking on virtual micrographs of four specimens with carbon, frost, drops and aggregates.

    python benchmarks/picking.py --micrographs 3 --seed 10 [--relion] [--all-kinds] [--asked range]

With --all-kinds, exposures with a carbon edge, frost, aggregates, crowds, overlaps, thin ice, low and high
defocus take turns. --asked gives a diameter that is right, 15 % too small, 15 % too large, or a wide range.

Prints, per specimen, F1 at half and a quarter of the diameter (at the automatic threshold, and the best of
all thresholds), rms error of the centres, picks on contaminants, CPU seconds per micrograph. With --relion
the same for `relion_autopick --LoG`.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from frazil.compute.picking import find_particles
from frazil.microscope.exposure import simulate_micrograph
from frazil.microscope.settings import ExposureSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIAMETER_A = {"apoferritin": 130.0, "proteasome": 160.0, "beta-galactosidase": 170.0, "ribosome": 260.0}
ASKED = {"given": 1.0, "small": 0.85, "large": 1.15}
KINDS = ("mix", "carbon", "frost", "aggregates", "crowded", "overlap", "thin", "low", "high", "mix")
PIXEL_A = 1.06
MASK_BIN_PX = 8


def exposure(specimen: str, seed: int) -> ExposureSettings:
    rng = np.random.default_rng([seed, sorted(DIAMETER_A).index(specimen)])
    defocus = float(rng.uniform(8_000.0, 22_000.0))
    return ExposureSettings(
        height_px=2048,
        width_px=2048,
        pixel_size_a=PIXEL_A,
        defocus_u_a=defocus + 100.0,
        defocus_v_a=defocus - 100.0,
        specimens=(specimen,),
        spacing=float(rng.uniform(1.3, 2.2)),
        ice_thickness_a=float(rng.uniform(250.0, 500.0)),
        carbon="edge" if rng.random() < 0.5 else "none",
        carbon_share=float(rng.uniform(0.1, 0.3)),
        ice_crystals=int(rng.integers(0, 3)),
        aggregates=int(rng.integers(0, 3)),
        ethane=int(rng.integers(0, 3)),
        seed=int(rng.integers(2**31)),
        noise_seed=seed,
    )


def difficult_exposure(specimen: str, seed: int) -> ExposureSettings:
    """One of `KINDS`, by turns."""
    number = list(DIAMETER_A).index(specimen)
    kind = KINDS[(seed + 3 * number) % len(KINDS)]
    rng = np.random.default_rng([seed, number, 8])
    defocus = float(rng.uniform(*{"low": (5e3, 8e3), "high": (2.2e4, 3e4)}.get(kind, (8e3, 2.2e4))))
    dirt = kind == "mix"
    return ExposureSettings(
        height_px=2048,
        width_px=2048,
        pixel_size_a=PIXEL_A,
        defocus_u_a=defocus + 150.0,
        defocus_v_a=defocus - 150.0,
        specimens=(specimen,),
        spacing=float(rng.uniform(*{"crowded": (1.1, 1.25), "overlap": (1.3, 1.6)}.get(kind, (1.3, 2.2)))),
        overlap=float(rng.uniform(0.2, 0.4)) if kind == "overlap" else 0.05,
        clustering=float(rng.uniform(0.3, 0.8)) if kind == "crowded" else 0.3,
        ice_thickness_a=float(rng.uniform(*((100.0, 180.0) if kind == "thin" else (250.0, 500.0)))),
        carbon="edge" if kind == "carbon" or (dirt and rng.random() < 0.5) else "none",
        carbon_share=float(rng.uniform(0.1, 0.35)),
        ice_crystals=int(rng.integers(2, 7)) if kind == "frost" else dirt * int(rng.integers(0, 3)),
        aggregates=int(rng.integers(2, 5)) if kind == "aggregates" else dirt * int(rng.integers(0, 3)),
        ethane=int(rng.integers(1, 4)) if kind == "frost" else dirt * int(rng.integers(0, 3)),
        seed=int(rng.integers(2**31)),
        noise_seed=seed,
    )


def asked_diameters(specimen: str, asked: str) -> dict[str, float]:
    """Arguments of `find_particles`."""
    diameter = DIAMETER_A[specimen]
    if asked != "range":
        return {"diameter_min_a": ASKED[asked] * diameter}
    low, high = (100.0, 200.0) if diameter < 200.0 else (200.0, 400.0)
    return {"diameter_min_a": low, "diameter_max_a": high}


def hits(found: NDArray[np.float64], truth: NDArray[np.float64], radius_px: float) -> Any:
    """Distances of matched pairs."""
    if len(found) == 0 or len(truth) == 0:
        return np.zeros(0)
    distance = np.hypot(*(found[:, None] - truth[None]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.where(distance <= radius_px, distance - 1e6, 0.0))
    matched = distance[rows, columns]
    return matched[matched <= radius_px]


@dataclass
class Tally:
    """Sums over the micrographs of one specimen."""

    half: int = 0
    quarter: int = 0
    best: float = 0.0
    size: int = 0
    square_a2: float = 0.0
    contaminants: int = 0
    lost: float = 0.0
    much_lost: int = 0
    seconds: float = 0.0
    micrographs: int = 0

    def add(
        self,
        found: NDArray[np.float64],
        score: NDArray[np.float64],
        threshold: float,
        truth: Any,
        diameter_a: float,
        seconds: float,
        *,
        with_border: bool,
    ) -> None:
        """Count one micrograph."""
        inner = 0.5 * diameter_a / PIXEL_A
        edge = 0.0 if with_border else inner
        shape = (truth.settings.width_px, truth.settings.height_px)
        particles = truth.particles
        true = np.stack([particles.x_px, particles.y_px], axis=1)[particles.visible]
        # Particles cut by the border are neither asked for nor held against anyone, unless wanted.
        true = true[((true >= edge) & (true < np.array(shape) - edge)).all(axis=1)]
        within = ((found >= edge) & (found < np.array(shape) - edge)).all(axis=1)
        found, score = found[within], score[within]
        picked = found[score >= threshold]
        half = 2 * len(hits(picked, true, inner))
        self.half += half
        matched = hits(picked, true, 0.25 * diameter_a / PIXEL_A)
        self.quarter += 2 * len(matched)
        self.square_a2 += float((matched**2).sum()) * PIXEL_A**2
        self.size += len(picked) + len(true)
        order = np.argsort(-score)
        best = max(
            2 * len(hits(found[order[:n]], true, inner)) / max(n + len(true), 1)
            for n in range(1, len(found) + 2)
        )
        self.best += best * (len(picked) + len(true))
        lost = best - half / max(len(picked) + len(true), 1)
        self.lost += lost
        self.much_lost += lost > 0.02
        dirty = truth.contaminated
        x, y = (picked / MASK_BIN_PX).astype(int).T
        self.contaminants += int(
            dirty[np.minimum(y, dirty.shape[0] - 1), np.minimum(x, dirty.shape[1] - 1)].sum()
        )
        self.seconds += seconds
        self.micrographs += 1

    def line(self) -> str:
        """Sum up."""
        rms = np.sqrt(self.square_a2 / max(self.quarter // 2, 1))
        return (
            f"F1 {self.half / self.size:.3f} (best {self.best / self.size:.3f})  quarter "
            f"{self.quarter / self.size:.3f}  rms {rms:4.1f} A  on contaminants {self.contaminants:3d}  "
            f"lost {self.lost / self.micrographs:.4f}, more than .02: {self.much_lost}  "
            f"{self.seconds / self.micrographs:.2f} s CPU"
        )


def relion_log(image: NDArray[np.float32], diameter_a: float) -> tuple[NDArray[np.float64], float]:
    """Centres that RELION's LoG finds, and its seconds."""
    import starfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mrcfile.new(folder / "m.mrc", image) as file:
            file.voxel_size = PIXEL_A
        (folder / "m.star").write_text(
            "data_optics\n\nloop_\n_rlnOpticsGroupName\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n_rlnVoltage\n"
            f"_rlnSphericalAberration\n_rlnAmplitudeContrast\ng 1 {PIXEL_A} 300 2.7 0.07\n\n"
            "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\nm.mrc 1\n"
        )
        (folder / "out").mkdir()
        command = ["relion_autopick", "--i", "m.star", "--odir", "out/", "--pickname", "p", "--LoG"]
        command += ["--LoG_diam_min", str(0.8 * diameter_a), "--LoG_diam_max", str(diameter_a)]
        begin = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        seconds = time.perf_counter() - begin
        table: Any = starfile.read(next((folder / "out").rglob("*p.star")))
        return table[["rlnCoordinateX", "rlnCoordinateY"]].to_numpy(dtype=np.float64), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--specimen", choices=sorted(DIAMETER_A))
    parser.add_argument("--with-border", action="store_true", help="count particles cut by the border too")
    parser.add_argument("--all-kinds", action="store_true", help="exposures of all kinds, by turns")
    parser.add_argument("--asked", choices=[*ASKED, "range"], default="given", help="diameter given")
    parser.add_argument("--relion", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for specimen, diameter in DIAMETER_A.items():
        if arguments.specimen not in (None, specimen):
            continue
        ours, theirs = Tally(), Tally()
        for seed in range(arguments.seed, arguments.seed + arguments.micrographs):
            make = difficult_exposure if arguments.all_kinds else exposure
            micrograph = simulate_micrograph(make(specimen, seed), blur_a=1.0)
            begin = time.process_time()
            picks = find_particles(
                micrograph.image,
                PIXEL_A,
                **asked_diameters(specimen, arguments.asked),
            ).picks
            seconds = time.process_time() - begin
            found = np.stack([picks.x_px, picks.y_px], axis=1)
            border = arguments.with_border
            ours.add(
                found, picks.score, picks.threshold, micrograph.truth, diameter, seconds, with_border=border
            )
            if arguments.relion:
                found, seconds = relion_log(micrograph.image, diameter)
                score = np.ones(len(found))
                theirs.add(found, score, 0.5, micrograph.truth, diameter, seconds, with_border=border)
        print(f"{specimen:20s} frazil  {ours.line()}", flush=True)
        if arguments.relion:
            print(f"{'':20s} RELION  {theirs.line()}", flush=True)


if __name__ == "__main__":
    main()
