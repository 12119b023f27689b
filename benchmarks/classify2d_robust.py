"""2D classification of difficult particles: what becomes of the classes.

    python -m benchmarks.classify2d_robust --seed 1 --threads 2
    python -m benchmarks.classify2d_robust --only edges preferred

Each line is one difficulty, beside the same kind of particles without it: share of the largest class, classes
in use, views found, purity by view (junk left out), share of the real particles in no class, and the notes
that the classification gives.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.classify2d import purity

from frazil.compute.classify2d import classify
from frazil.compute.classify2d.classify import some_ctf
from frazil.microscope.particles import SimulatedParticles, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.model.classes import ParticleCtf

BOX_PX, PIXEL_A, CLASSES = 64, 4.0, 20
SPECIMENS = ("proteasome", "beta-galactosidase", "groel")


@dataclass(frozen=True)
class Case:
    """Particles with the CTF that the classification is told; ``view`` is -1 for what is no particle."""

    images: np.ndarray
    ctf: ParticleCtf
    view: np.ndarray
    mask_diameter_a: float = 200.0
    classes: int = CLASSES


def of(made: SimulatedParticles) -> Case:
    return Case(made.images, made.ctf, made.truth.view_id)


def particles(seed: int, count: int = 3000, **options: object) -> SimulatedParticles:
    chosen = {"views_per_specimen": 5, "snr": 0.08, "junk_fraction": 0.12, "seed": seed, **options}
    return simulate_particles(list(SPECIMENS), count, BOX_PX, PIXEL_A, **chosen)  # type: ignore[arg-type]


def clean(seed: int) -> Case:
    return of(particles(seed))


def junk(seed: int) -> Case:
    """Three in ten are nothing or formless blobs."""
    return of(particles(seed, junk_fraction=0.30))


def edges(seed: int) -> Case:
    """Beside 12 % junk, 9 % show the carbon's edge and 9 % an ice crystal, far stronger than protein."""
    made, chance = particles(seed), np.random.default_rng(seed)
    case = of(made)
    images, view = case.images.copy(), case.view.copy()
    axis = np.arange(BOX_PX) - BOX_PX // 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    kind = chance.choice(3, len(images), p=[0.82, 0.09, 0.09])
    for i in np.flatnonzero(kind):
        angle, place = chance.uniform(0, 2 * np.pi), chance.uniform(-20.0, 20.0)
        if kind[i] == 1:
            along = np.cos(angle) * x + np.sin(angle) * y - place
            images[i] += (2.5 * np.tanh(along / 2.0)).astype(np.float32)
        else:
            width = chance.uniform(3.0, 9.0)
            r2 = (x - place * np.cos(angle)) ** 2 + (y - place * np.sin(angle)) ** 2
            images[i] += (8.0 * np.exp(-r2 / (2.0 * width**2))).astype(np.float32)
        images[i] = (images[i] - images[i].mean()) / images[i].std()
    view[kind > 0] = -1
    return replace(case, images=images, view=view)


def preferred(seed: int) -> Case:
    """Eight in ten particles show one view; the other fourteen share the rest."""
    made, chance = particles(seed, 15000), np.random.default_rng(seed)
    view = made.truth.view_id
    first = np.flatnonzero(view == 0)
    other = np.flatnonzero(view != 0)
    wanted = min(len(first), 800)
    rows = np.concatenate([first[:wanted], chance.choice(other, wanted // 4, replace=False)])
    rows = chance.permutation(rows)
    return Case(made.images[rows], some_ctf(made.ctf, rows), view[rows])


def two_sizes(seed: int) -> Case:
    """Particles of 150 and of 300 Å in one box."""
    made = simulate_particles(
        ["groel", "ribosome"],
        2400,
        96,
        PIXEL_A,
        views_per_specimen=6,
        snr=0.08,
        junk_fraction=0.12,
        seed=seed,
    )
    return replace(of(made), mask_diameter_a=310.0)


def off_centre(seed: int) -> Case:
    """Centres are off by 15 % of the diameter (150 Å) in the mean."""
    # The mean length of a normal vector is σ √(π/2).
    return of(particles(seed, shift_sigma_a=0.15 * 150.0 / np.sqrt(np.pi / 2.0)))


def dark(seed: int) -> Case:
    """Protein is dark."""
    case = clean(seed)
    return replace(case, images=-case.images)


def wrong_defocus(seed: int) -> Case:
    """Tell a tenth of the particles a defocus that is 3000 to 8000 Å off."""
    case, chance = clean(seed), np.random.default_rng(seed)
    u = case.ctf.defocus_u_a.copy()
    v = case.ctf.defocus_v_a.copy()
    rows = chance.choice(len(u), len(u) // 10, replace=False)
    move = chance.choice([-1.0, 1.0], len(rows)) * chance.uniform(3000.0, 8000.0, len(rows))
    u[rows], v[rows] = u[rows] + move, v[rows] + move
    return replace(case, ctf=replace(case.ctf, defocus_u_a=u, defocus_v_a=v))


def few(seed: int) -> Case:
    """300 particles of five views."""
    made = simulate_particles(
        ["beta-galactosidase"],
        300,
        BOX_PX,
        PIXEL_A,
        views_per_specimen=5,
        snr=0.08,
        junk_fraction=0.12,
        seed=seed,
    )
    return replace(of(made), classes=10)


CASES: dict[str, Callable[[int], Case]] = {
    "clean": clean,
    "junk": junk,
    "edges": edges,
    "preferred": preferred,
    "two_sizes": two_sizes,
    "off_centre": off_centre,
    "dark": dark,
    "wrong_defocus": wrong_defocus,
    "few": few,
}


def judged(case: Case, seed: int, threads: int) -> str:
    began = time.perf_counter()
    result = classify(
        case.images,
        case.ctf,
        pixel_size_a=PIXEL_A,
        classes=case.classes,
        mask_diameter_a=case.mask_diameter_a,
        final_resolution_a=8.2,
        seed=seed,
        threads=threads,
    )
    wall, real = time.perf_counter() - began, case.view >= 0
    found = set()
    for c in np.unique(result.class_id[result.class_id > 0]):
        names, counts = np.unique(case.view[result.class_id == c], return_counts=True)
        if 2 * counts.max() > counts.sum() and names[counts.argmax()] >= 0:
            found.add(int(names[counts.argmax()]))
    inside = real & (result.class_id > 0)
    largest = np.bincount(result.class_id[result.class_id > 0]).max() / max(1, (result.class_id > 0).sum())
    commonest = np.bincount(case.view[real]).max() / real.sum()
    notes = " ".join(result.notes) or "no notes"
    return (
        f"largest class {largest:.2f} (view {commonest:.2f}), "
        f"{len(np.unique(result.class_id[result.class_id > 0]))} of {case.classes} classes, "
        f"views {len(found)} of {len(np.unique(case.view[real]))}, "
        f"purity {purity(case.view[inside], result.class_id[inside]):.3f}, "
        f"in none {np.mean(result.class_id[real] == 0):.3f}, {wall:.0f} s; {notes}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=tuple(CASES), default=list(CASES))
    options = parser.parse_args()
    for name in options.only:
        print(f"{name}: {judged(CASES[name](options.seed), options.seed, options.threads)}", flush=True)


if __name__ == "__main__":
    main()
