"""The best that any classification of simulated particles could do: assignment by the true views.

    python -m benchmarks.classify2d_bound --snr 0.08 --seed 964 --of 1000

Each particle is compared with the noiseless views under its own true CTF in white noise of the true
variance, over all angles (steps of 4 degrees) and shifts (whole pixels, weighed by their true distribution),
and goes to the view with the largest probability (Bayes' rule). A classification has to find the views from
the same noisy images, so it can come near to this and not beyond. Junk is left out: it belongs to no view.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import torch
from benchmarks.classify2d import PIXEL_A, add_simulation, adjusted_rand, purity, simulated
from scipy import fft, ndimage

from frazil.microscope.transfer import Lens, half_plane

if TYPE_CHECKING:
    from frazil.microscope.particles import SimulatedParticles

SHIFT_SIGMA_A = 4.0  # As `simulate_particles` draws them.


def turned_views(made: SimulatedParticles, step_deg: float) -> torch.Tensor:
    """Half transforms of each view at each angle: (views, angles, n, n // 2 + 1)."""
    views = made.noiseless_views() * made.signal_scale
    angles = np.arange(0.0, 360.0, step_deg)
    turned = [[ndimage.rotate(v, angle, reshape=False, order=3) for angle in angles] for v in views]
    return torch.from_numpy(fft.rfft2(np.asarray(turned, np.float32)))


def most_probable_view(made: SimulatedParticles, rows: np.ndarray, step_deg: float = 4.0) -> np.ndarray:
    """Assign each of ``rows`` to the view with the largest posterior probability."""
    references = turned_views(made, step_deg)
    count, n = references.shape[0], references.shape[2]
    kx, ky = half_plane(n, n, PIXEL_A)
    twice = np.full(n // 2 + 1, 2.0, np.float32)
    twice[[0, -1]] = 1.0
    power = (references.real**2 + references.imag**2) * torch.from_numpy(twice) / n**2
    offset = np.fft.fftfreq(n) * n * PIXEL_A
    prior = torch.from_numpy(
        (-0.5 * (offset[:, None] ** 2 + offset**2) / SHIFT_SIGMA_A**2).astype(np.float32)
    )
    best = np.empty(len(rows), np.int64)
    for i, row in enumerate(rows):
        c = made.ctf
        lens = Lens(
            c.optics,
            float(c.defocus_u_a[row]),
            float(c.defocus_v_a[row]),
            float(c.astigmatism_angle_deg[row]),
            float(c.phase_shift_deg[row]),
        )
        ctf = np.sin(lens.aberration_rad(kx, ky)).astype(np.float32)
        image = torch.from_numpy((fft.rfft2(made.images[row]) * ctf).astype(np.complex64))
        cross = torch.fft.irfft2(references.conj() * image, s=(n, n))
        norm = (power * torch.from_numpy(ctf**2)).sum((-2, -1))
        scores = cross - 0.5 * norm[:, :, None, None] + prior
        best[i] = int(scores.reshape(count, -1).logsumexp(1).argmax())
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_simulation(parser)
    parser.add_argument("--of", type=int, default=1000, help="so many particles are looked at")
    options = parser.parse_args()
    made = simulated(options)
    rows = np.flatnonzero(made.truth.view_id >= 0)[: options.of]
    truth, found = made.truth.view_id[rows], most_probable_view(made, rows)
    wrong = np.zeros((truth.max() + 1, truth.max() + 1), np.int64)
    np.add.at(wrong, (truth, found), 1)
    print(
        f"seed {options.seed}: right {np.mean(truth == found):.3f}, "
        f"purity by view {purity(truth, found):.3f}, "
        f"adjusted Rand {adjusted_rand(truth, found):.3f}, of {len(rows)} particles"
    )
    np.fill_diagonal(wrong, 0)
    for one, other in zip(*np.nonzero(np.triu(wrong + wrong.T) > 0.01 * len(rows)), strict=True):
        print(f"  views {one} and {other}: {wrong[one, other] + wrong[other, one]} taken for one another")


if __name__ == "__main__":
    main()
