"""CTF estimate: seconds per averaged micrograph, and errors on virtual micrographs.

Run: ``python benchmarks/ctf.py [--micrographs 12] [--threads 2] [--seed 9000] [--kinds usual hard near ...]``
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from frazil.compute.ctf.estimate import estimate_ctf
from frazil.compute.ctf.spectra import periodograms_of_micrograph
from frazil.microscope import ExposureSettings, simulate_micrograph
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.ctf import CtfFit

SPECIMENS = ("apoferritin", "proteasome", "beta-galactosidase", "ribosome")


KINDS = {
    "usual": {},
    "hard": {"side_px": 1024, "dose": (4.0, 12.0), "ice_a": (100.0, 250.0)},
    "carbon": {"carbon": "edge"},
    "crystals": {"ice_crystals": 5},
    "near": {"defocus_a": (2000.0, 5000.0), "astigmatism_a": 600.0},
    "far": {"defocus_a": (30000.0, 50000.0)},
    "phase plate": {"phase_deg": (30.0, 150.0)},
    "200 kV": {"optics": Optics(200.0, 1.4, 0.07)},
    "100 kV": {"optics": Optics(100.0, 1.6, 0.07)},
    "fine pixel": {"pixel_a": (0.5, 0.7)},
    "coarse pixel": {"pixel_a": (1.6, 2.0)},
}


def random_settings(rng: np.random.Generator, kind: str) -> ExposureSettings:
    given: dict[str, Any] = KINDS[kind]
    mean = rng.uniform(*given.get("defocus_a", (5000.0, 30000.0)))
    half = 0.5 * rng.uniform(0.0, given.get("astigmatism_a", 1500.0))
    side = given.get("side_px", 2048)
    return ExposureSettings(
        height_px=side,
        width_px=side,
        pixel_size_a=float(rng.uniform(*given.get("pixel_a", (0.8, 1.3)))),
        optics=given.get("optics", Optics()),
        dose_per_frame_e_per_a2=float(rng.uniform(*given.get("dose", (25.0, 50.0)))) / 20,
        defocus_u_a=mean + half,
        defocus_v_a=mean - half,
        astigmatism_angle_deg=float(rng.uniform(-90, 90)),
        phase_shift_deg=float(rng.uniform(*given.get("phase_deg", (0.0, 0.0)))),
        specimens=(str(rng.choice(SPECIMENS)),),
        ice_thickness_a=float(rng.uniform(*given.get("ice_a", (200.0, 500.0)))),
        carbon=given.get("carbon", "none"),
        ice_crystals=given.get("ice_crystals", 0),
        seed=int(rng.integers(2**31)),
        noise_seed=int(rng.integers(2**31)),
    )


def fitted(settings: ExposureSettings, image: NDArray[np.float32]) -> CtfFit:
    return estimate_ctf(
        periodograms_of_micrograph(image, settings.pixel_size_a),
        settings.optics,
        fit_phase_shift=settings.phase_shift_deg > 0.0,
        defocus_min_a=min(3500.0, 0.6 * settings.defocus_v_a),
    )


def measure(count: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    errors, seconds, without, doubtful, silent = [], [], 0, 0, 0
    for number in range(count + 1):
        settings = random_settings(rng, kind)
        image = simulate_micrograph(settings).image
        if number == 0:
            # Compile and fill the tables: not what a session feels.
            fitted(settings, image)
        # Twice, because each pixel size of this benchmark is a new geometry; a session has one.
        for _ in range(2):
            start = time.perf_counter(), time.process_time()
            fit = fitted(settings, image)
            elapsed = time.perf_counter() - start[0], time.process_time() - start[1]
        seconds.append(elapsed)
        doubtful += fit.doubtful
        if not fit.has_rings:
            without += 1
            continue
        both = [abs(fit.defocus_u_a - settings.defocus_u_a), abs(fit.defocus_v_a - settings.defocus_v_a)]
        silent += max(both) > 300.0 and not fit.doubtful
        errors += both
    wall, used = np.median(seconds, axis=0)
    print(
        f"{kind}: {wall:.3f} s ({used:.3f} s of processor); error median {np.median(errors):.1f} Å, "
        f"95 % {np.percentile(errors, 95):.1f} Å, worst {max(errors):.0f} Å; no fit {without}, doubtful "
        f"{doubtful}, off by more than 300 Å without a doubt {silent} of {count + 1}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=9000)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["usual", "hard"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for number, kind in enumerate(options.kinds):
        measure(options.micrographs, options.seed + number, kind)


if __name__ == "__main__":
    main()
