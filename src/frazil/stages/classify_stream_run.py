"""A run of 2D classification between its folder and the engine."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.classify2d.classify import OFF_CENTRE, UNUSABLE, notes_on, some_ctf
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.prepared import ctf_columns
from frazil.compute.classify2d.present import present
from frazil.compute.classify2d.run import ClassNames, Progress, Run, Tally
from frazil.compute.classify2d.sampler import Sampler, usable
from frazil.compute.classify2d.schedule import Reach
from frazil.formats.mrc import MrcStack
from frazil.model.errors import InputError
from frazil.stages.classify_publish import (
    assignment_table,
    class_entries,
    curve_values,
    moved_share,
    write_entry,
)
from frazil.stages.classify_stream_images import StackImages
from frazil.stages.classify_stream_state import StateFolder
from frazil.stages.machine import worker_threads

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.compute.classify2d.bank import Bank
    from frazil.model.optics import Optics
    from frazil.stages.classify_stream_task import Publication, StreamParticles, StreamSettings

_OPEN_STACKS = 16
# A state that was made with other values of these can't go on.
_FIXED = ("pixel_size_a", "mask_radius_a", "class_count", "seed")


class StoredRun:
    """A run opened from its folder.

    Parameters
    ----------
    state, settings, device
        As in the task.
    particles
        New ones: a new run learns the size of its images and the optics from them.

    Raises
    ------
    InputError
        Settings that don't fit the run, unreadable stacks, a damaged checkpoint.
    """

    def __init__(
        self, state: Path, settings: StreamSettings, particles: StreamParticles | None, device: str
    ) -> None:
        self.settings = settings
        fixed = StateFolder.peek(state)
        if not fixed:
            if particles is None or not len(particles.keys):
                raise InputError(f"{state}: a new run needs particles to begin with")
            fixed = self._describe(settings, particles)
        self._check(state, fixed)
        self.fixed = fixed
        sampler = Sampler(
            fixed["box_px"],
            settings.pixel_size_a,
            2.0 * settings.mask_radius_a,
            fixed["final_resolution_a"],
            device=device,
        )
        shape = (sampler.grid.ring_count, sampler.grid.angle_count)
        self.folder = StateFolder(state, shape)
        self.optics = _optics(fixed["optics"])
        engine = Engine(
            sampler,
            self.optics,
            self.folder.bank,
            self.folder,
            settings.class_count,
            seed=settings.seed,
            threads=worker_threads(),
        )
        reach = Reach(
            settings.initial_resolution_a,
            max(sampler.grid.resolution_a, settings.final_resolution_a),
            2.0 * OFF_CENTRE * sampler.grid.mask_radius_a,
        )
        self.images = StackImages(self.folder, fixed["box_px"])
        self.run = Run(engine, reach, self.images, autocentre=settings.autocentre)
        self._restore()

    @property
    def bank(self) -> Bank:
        """The particles."""
        return self.folder.bank

    def _describe(self, settings: StreamSettings, particles: StreamParticles) -> dict[str, Any]:
        with MrcStack(particles.stacks[int(particles.stack_of[0])]) as stack:
            _, rows, columns = stack.shape
        if rows != columns or rows < 8:
            raise InputError(
                f"{particles.stacks[0]}: images of {rows} x {columns} pixels; squares are needed"
            )
        finest = max(settings.final_resolution_a, 2.05 * settings.pixel_size_a)
        described = {name: getattr(settings, name) for name in _FIXED}
        optics = dataclasses.asdict(particles.ctf.optics)
        return described | {"box_px": rows, "final_resolution_a": finest, "optics": optics}

    def _check(self, state: Path, fixed: dict[str, Any]) -> None:
        for name in _FIXED:
            asked = getattr(self.settings, name)
            if asked != fixed[name]:
                raise InputError(
                    f"{state}: this run was begun with {name} = {fixed[name]}, not {asked}; start a new run"
                )
        if self.settings.class_count < 1 or not self.settings.mask_radius_a > 0.0:
            raise InputError("class_count and mask_radius_a must be positive")

    def _restore(self) -> None:
        numbers, arrays, engine = self.folder.numbers, self.folder.arrays, self.run.engine
        if not numbers:
            return
        engine.sums.num[:], engine.sums.den[:] = arrays["num"], arrays["den"]
        engine.sums.weight[:], engine.residual[:] = arrays["weight"], arrays["residual"]
        engine.residual_count, engine.strictness = numbers["residual_count"], numbers["strictness"]
        engine.batch = numbers["batch"]
        progress = numbers["progress"]
        limit = progress["limit_a"]
        self.run.progress = Progress(**progress | {"limit_a": math.inf if limit is None else limit})
        self.run.names = ClassNames(**numbers["names"])

    def commit(self) -> None:
        """Make what happened since the last time last."""
        engine, run = self.run.engine, self.run
        progress = dataclasses.asdict(run.progress)
        if math.isinf(progress["limit_a"]):
            progress["limit_a"] = None
        numbers = {
            "fixed": self.fixed,
            "residual_count": engine.residual_count,
            "strictness": engine.strictness,
            "batch": engine.batch,
            "progress": progress,
            "names": dataclasses.asdict(run.names),
        }
        arrays = {
            "num": engine.sums.num,
            "den": engine.sums.den,
            "weight": engine.sums.weight,
            "residual": engine.residual,
        }
        self.folder.commit(run.tally.touched, numbers, arrays)
        run.tally.touched = []

    def known_rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each key, -1 where there is none."""
        stored = self.bank.column("key")
        rows = np.full(len(keys), -1, dtype=np.int64)
        # Keys usually rise, then none of the new ones can be known.
        if not len(stored) or not len(keys) or keys.min() > self.run.progress.largest_key:
            return rows
        alive = np.flatnonzero(stored >= 0)
        order = alive[np.argsort(stored[alive], kind="stable")]
        at = np.searchsorted(stored[order], keys).clip(max=max(len(order) - 1, 0))
        if len(order):
            hit = stored[order[at]] == keys
            rows[hit] = order[at[hit]]
        return rows

    def withdraw(self, keys: NDArray[np.int64]) -> int:
        """Take particles out for good; returns how many were there."""
        rows = self.known_rows(np.unique(np.asarray(keys, dtype=np.int64)))
        rows = rows[rows >= 0]
        if len(rows):
            self.run.withdraw(rows)
            self.bank.columns["key"][rows] = -1
        return len(rows)

    def admit(self, particles: StreamParticles, some: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take new particles in and judge their images; returns the rows that can be used.

        They are sampled where their centres are found, or by who visits them without a search.
        """
        numbers = self.folder.stack_numbers(particles.stacks, particles.names)
        stack, place = numbers[particles.stack_of[some]], particles.index[some].astype(np.int64)
        images = self.images.read(stack, place)
        ctf = some_ctf(particles.ctf, some)
        good = usable(images, ctf)
        rows = self.bank.add(len(some))
        columns, keys = self.bank.columns, particles.keys[some]
        columns["key"][rows], columns["stack"][rows], columns["place"][rows] = keys, stack, place
        columns["half"][rows] = _halves(keys)
        columns["ctf"][rows] = ctf_columns(ctf)
        columns["alive"][rows] = good
        columns["visited"][rows[~good]] = UNUSABLE
        if len(keys):
            self.run.progress.largest_key = max(self.run.progress.largest_key, int(keys.max()))
        return rows[good]

    def sort_out(self, particles: StreamParticles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell particles that are new from those that come with another CTF.

        Returns places of the new ones, and rows of the changed ones, whose CTF is changed already. Those
        whose image changed are withdrawn, and count as new.
        """
        rows = self.known_rows(particles.keys)
        known = np.flatnonzero(rows >= 0)
        if not len(known):
            return np.arange(len(rows)), known
        columns = self.bank.columns
        stack = self.folder.stack_numbers(particles.stacks, particles.names)[particles.stack_of[known]]
        moved = (columns["stack"][rows[known]] != stack) | (
            columns["place"][rows[known]] != particles.index[known]
        )
        ctf = ctf_columns(some_ctf(particles.ctf, known))
        other = ~moved & ~np.isclose(columns["ctf"][rows[known]], ctf, rtol=1e-9, atol=1e-9).all(axis=1)
        self.withdraw(particles.keys[known[moved]])
        changed = rows[known[other]]
        if len(changed):
            self.run.engine.remove(changed)
            columns["ctf"][changed] = ctf[other]
            self.run.tally.touched.append(changed)
        return np.concatenate([np.flatnonzero(rows < 0), known[moved]]), changed

    def take_tally(self) -> Tally:
        """Return the sums over visits so far, and begin anew."""
        tally, self.run.tally = self.run.tally, Tally(touched=self.run.tally.touched)
        return tally

    def notes(self) -> tuple[str, ...]:
        """Say what a person should know."""
        notes = notes_on(self.run, self.settings.class_count)
        finest, wanted = self.fixed["final_resolution_a"], self.settings.final_resolution_a
        if max(wanted, 2.05 * self.settings.pixel_size_a) < 0.999 * finest:
            return (
                *notes,
                f"This run was begun with a final limit of {finest:.1f} Å and goes no further; "
                f"Restart begins one that goes to {wanted:.1f} Å.",
            )
        return notes

    def publish(self, publication: Publication, more: dict[str, Any]) -> dict[str, Any]:
        """Write an entry of the history; returns its summary.

        An entry that is there already and is of this very state (its worker died before it could say so) is
        left as it is.
        """
        engine, names, run = self.run.engine, self.run.names, self.run
        there = publication.folder / "summary.json"
        if there.exists():
            found: dict[str, Any] = json.loads(there.read_bytes())
            if found.get("batch") == engine.batch and found["fingerprint"] == publication.fingerprint:
                return found
        result = present(engine, automask=self.settings.automask, notes=self.notes())
        rows = np.flatnonzero((self.bank.column("key") >= 0) & (self.bank.column("visits") > 0))
        columns, stacks = self.bank.columns, self.folder.stacks
        table = assignment_table(
            result,
            [stacks[number][1] for number in columns["stack"][rows].tolist()],
            columns["place"][rows],
            rows,
            key=columns["key"][rows],
            visits=columns["visits"][rows].astype(np.int32),
        )
        stable = np.array(names.stable_id, dtype=np.int64)
        entries = class_entries(result)
        defocus = self._mean_defocus_a(result.class_id, rows)
        for slot, entry in enumerate(entries):
            entry["mean_defocus_a"] = round(float(defocus[slot]), 1) if entry["particles"] else None
            entry["stable_id"] = names.stable_id[slot] if entry["particles"] else 0
            entry["parents"] = names.parents[slot] if entry["particles"] else []
        summary = {
            "schema_version": 1,
            "fingerprint": publication.fingerprint,
            # Random seeds are averages of particles that were not visited yet.
            "particles": len(rows) or int(result.population.sum()),
            "unassigned": int((result.class_id[rows] == 0).sum()),
            "class_count": int(result.population.size),
            "pixel_size_a": result.pixel_size_a,
            "mask_radius_a": self.settings.mask_radius_a,
            "final_resolution_a": self.settings.final_resolution_a,
            "limit_a": None if math.isinf(run.progress.limit_a) else round(run.progress.limit_a, 3),
            "seed": self.settings.seed,
            "device": str(engine.device),
            "batch": engine.batch,
            "notes": list(result.notes),
            "contrast": result.contrast,
            **curve_values(result),
            "mean_log_evidence": _rounded(result.log_evidence[rows]),
            "mean_noise": _rounded(engine.variance.numpy()),
            "moved_share": moved_share(table, stable, publication.previous),
            "classes": entries,
            **more,
            **publication.extra,
        }
        write_entry(publication.folder, result, table, summary, publication.depth)
        return summary

    def _mean_defocus_a(self, class_id: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean defocus of the members of each class, (K,), Å."""
        of, bins = class_id[rows], self.settings.class_count + 1
        defocus = self.bank.columns["ctf"][rows, 0].astype(np.float64)
        sums = np.bincount(of, weights=defocus, minlength=bins)
        return np.asarray((sums / np.maximum(np.bincount(of, minlength=bins), 1))[1:])


def _rounded(values: NDArray[Any]) -> float | None:
    """Mean to five digits."""
    mean = float(np.mean(values, dtype=np.float64)) if values.size else math.nan
    return float(f"{mean:.5g}") if math.isfinite(mean) else None


def _halves(keys: NDArray[np.int64]) -> NDArray[np.int8]:
    """Half set of each particle: even, but without regard to the order of the keys (splitmix64)."""
    with np.errstate(over="ignore"):
        x = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x >> np.uint64(31)) & np.uint64(1)).astype(np.int8)


def _optics(values: dict[str, float]) -> Optics:
    from frazil.model.optics import Optics

    return Optics(**values)
