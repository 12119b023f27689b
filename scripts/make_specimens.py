"""Make the simulator's coordinate tables (src/frazil/microscope/data/*.npz) from PDB entries.

Usage: python scripts/make_specimens.py FOLDER_WITH_THE_PDB_FILES OUTPUT_FOLDER

Needs gemmi (a development dependency). Waters and hydrogens are dropped, alternate conformations reduced
to the first, coordinates rounded to 0.02 Å and stored as differences along the chain, which compress well.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gemmi
import numpy as np

SOURCES = {
    "apoferritin": "6z6u.pdb.gz",
    "proteasome": "3j9i.pdb.gz",
    "beta-galactosidase": "bgal_5a1a.pdb.gz",
    "groel": "groel_1mnf.pdb.gz",
    "spike": "spike_6vxx.pdb.gz",
    "ribosome": "ribosome70S_eman2_grp0.pdb.gz",
    "norovirus": "norovirus_1ihm.pdb.gz",
    "haemoglobin": "hemoglobin_2dhb.cif",
}
COORDINATE_STEP_A = 0.02
B_STEP_A2 = 2.0


def make(source: Path, target: Path, name: str) -> int:
    """Write one table; returns the number of atoms of the whole assembly."""
    structure = gemmi.read_structure(str(source))
    structure.setup_entities()
    structure.remove_alternative_conformations()
    structure.remove_hydrogens()
    structure.remove_waters()
    model = structure[0]
    atoms = [(a.element.name, a.pos.tolist(), a.b_iso) for c in model for r in c for a in r if a.occ > 0]
    position = np.array([a[1] for a in atoms])
    operators = np.array([np.hstack([np.eye(3), np.zeros((3, 1))])])
    if structure.assemblies:
        transforms = [o.transform for g in structure.assemblies[0].generators for o in g.operators]
        operators = np.array([np.hstack([t.mat.tolist(), np.array([t.vec.tolist()]).T]) for t in transforms])
    everything = (np.einsum("oij,nj->oni", operators[:, :, :3], position) + operators[:, None, :, 3]).reshape(
        -1, 3
    )
    centre = everything.mean(axis=0)
    # r -> R r + t about the assembly's centre: R (p - c) + (R c + t - c)
    operators[:, :, 3] += operators[:, :, :3] @ centre - centre
    steps = np.rint((position - centre) / COORDINATE_STEP_A).astype(np.int32)
    difference = np.diff(steps, axis=0, prepend=np.zeros((1, 3), np.int32))
    if np.abs(difference).max() > 32767:
        raise SystemExit(f"{name}: a step between neighbouring atoms does not fit into 16 bits")
    names, index = np.unique([a[0] for a in atoms], return_inverse=True)
    b = np.array([a[2] for a in atoms])
    np.savez_compressed(
        target / f"{name}.npz",
        difference=np.ascontiguousarray(difference.astype(np.int16).T),
        coordinate_step_a=np.float64(COORDINATE_STEP_A),
        elements=np.array(names),
        element=index.astype(np.uint8),
        b_step_a2=np.float64(B_STEP_A2),
        b=np.clip(np.rint(b / B_STEP_A2), 0, 255).astype(np.uint8),
        operators=operators,
        source=np.array(source.name.split(".")[0]),
    )
    radius = np.sqrt(((everything - centre) ** 2).sum(axis=1)).max()
    print(  # noqa: T201
        f"{name}: {len(atoms)} atoms x {len(operators)}, radius {radius:.0f} A, elements {list(names)},"
        f" B {np.percentile(b, [1, 50, 99])}, {(target / f'{name}.npz').stat().st_size / 1e3:.0f} kB"
    )
    return len(atoms) * len(operators)


if __name__ == "__main__":
    for specimen, file in SOURCES.items():
        make(Path(sys.argv[1]) / file, Path(sys.argv[2]), specimen)
