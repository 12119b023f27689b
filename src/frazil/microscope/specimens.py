"""Specimens: atoms of complete assemblies, shipped as compact tables made by `scripts/make_specimens.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Specimen:
    """One kind of molecule.

    Attributes
    ----------
    name
        What it is called, for instance ``apoferritin``.
    position_a
        Shape (n, 3), float32: atoms (x, y, z) about the assembly's centre, Å.
    element
        Shape (n,), uint8: index into ``elements``.
    b_a2
        Shape (n,), float32: B factors, Å².
    elements
        Chemical symbols.
    """

    name: str
    position_a: NDArray[np.float32]
    element: NDArray[np.uint8]
    b_a2: NDArray[np.float32]
    elements: tuple[str, ...]

    @property
    def diameter_a(self) -> float:
        """Twice the distance from the centre that encloses 98 % of the atoms, Å."""
        radius = np.sqrt((self.position_a.astype(np.float64) ** 2).sum(axis=1))
        return float(2.0 * np.quantile(radius, 0.98))

    @property
    def extent_a(self) -> float:
        """Diameter of the sphere about the centre that holds every atom, Å."""
        return float(2.0 * np.sqrt((self.position_a.astype(np.float64) ** 2).sum(axis=1)).max())

    @classmethod
    def point(cls, position_a: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Specimen:
        """Make a single carbon atom, for tests of positions."""
        return cls(
            "point",
            np.array([position_a], dtype=np.float32),
            np.zeros(1, np.uint8),
            np.zeros(1, np.float32),
            ("C",),
        )


def available_specimens() -> tuple[str, ...]:
    """Names of the specimens in the package."""
    folder = resources.files("frazil.microscope") / "data"
    return tuple(sorted(f.name.removesuffix(".npz") for f in folder.iterdir() if f.name.endswith(".npz")))


@lru_cache(maxsize=16)
def load_specimen(name: str) -> Specimen:
    """Specimen by name; `InputError` names those that exist."""
    names = available_specimens()
    if name not in names:
        raise InputError(f"no specimen {name!r} in the virtual microscope; there are {', '.join(names)}")
    with (resources.files("frazil.microscope") / "data" / f"{name}.npz").open("rb") as file:
        table = np.load(file, allow_pickle=False)
        steps = np.cumsum(table["difference"].astype(np.int32), axis=1).T
        unit = steps * float(table["coordinate_step_a"])
        operators = table["operators"]
        element, b = table["element"], table["b"] * float(table["b_step_a2"])
        elements = tuple(str(e) for e in table["elements"])
    atoms = np.einsum("oij,nj->oni", operators[:, :, :3], unit) + operators[:, None, :, 3]
    copies = len(operators)
    return Specimen(
        name,
        np.ascontiguousarray(atoms.reshape(-1, 3), dtype=np.float32),
        np.tile(element, copies),
        np.tile(b, copies).astype(np.float32),
        elements,
    )
