"""CTF estimate: seconds per averaged micrograph, and errors on virtual micrographs.

Run: ``python benchmarks/ctf.py [--micrographs 12] [--threads 2] [--seed 9000]``
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from frazil.compute.ctf.estimate import estimate_ctf
from frazil.compute.ctf.spectra import periodograms_of_micrograph
from frazil.microscope import ExposureSettings, simulate_micrograph

SPECIMENS = ("apoferritin", "proteasome", "beta-galactosidase", "ribosome")


def random_settings(rng: np.random.Generator, hard: bool) -> ExposureSettings:
    mean, difference = rng.uniform(5000, 30000), rng.uniform(0, 1500)
    dose = rng.uniform(4, 12) if hard else rng.uniform(25, 50)
    side = 1024 if hard else 2048
    return ExposureSettings(
        height_px=side,
        width_px=side,
        pixel_size_a=float(rng.uniform(0.8, 1.3)),
        dose_per_frame_e_per_a2=float(dose) / 20,
        defocus_u_a=mean + 0.5 * difference,
        defocus_v_a=mean - 0.5 * difference,
        astigmatism_angle_deg=float(rng.uniform(-90, 90)),
        specimens=(str(rng.choice(SPECIMENS)),),
        ice_thickness_a=float(rng.uniform(100, 250) if hard else rng.uniform(200, 500)),
        seed=int(rng.integers(2**31)),
        noise_seed=int(rng.integers(2**31)),
    )


def measure(count: int, seed: int, hard: bool) -> None:
    rng = np.random.default_rng(seed)
    errors, seconds, without = [], [], 0
    for number in range(count + 1):
        settings = random_settings(rng, hard)
        image = simulate_micrograph(settings).image
        if number == 0:
            # Compile and fill the tables: not what a session feels.
            estimate_ctf(periodograms_of_micrograph(image, settings.pixel_size_a), settings.optics)
        # Twice, because each pixel size of this benchmark is a new geometry; a session has one.
        for _ in range(2):
            start = time.perf_counter()
            fit = estimate_ctf(periodograms_of_micrograph(image, settings.pixel_size_a), settings.optics)
            elapsed = time.perf_counter() - start
        seconds.append(elapsed)
        if not fit.has_rings:
            without += 1
            continue
        errors += [abs(fit.defocus_u_a - settings.defocus_u_a), abs(fit.defocus_v_a - settings.defocus_v_a)]
    name = "hard, 1024 x 1024" if hard else "2048 x 2048"
    print(
        f"{name}: {np.median(seconds):.3f} s; error median {np.median(errors):.1f} Å, "
        f"95 % {np.percentile(errors, 95):.1f} Å, worst {max(errors):.0f} Å; "
        f"no fit {without} of {count + 1}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=9000)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measure(options.micrographs, options.seed, hard=False)
    measure(options.micrographs, options.seed + 1, hard=True)


if __name__ == "__main__":
    main()
