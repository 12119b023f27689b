"""The expectation step: classes and poses of particles, given the averages."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.bank import DRAWS, TOP_CLASSES
from frazil.compute.classify2d.choose import choose_poses, class_evidence
from frazil.compute.classify2d.prepared import Prepared, pieces
from frazil.compute.classify2d.references import References, score_with_torch
from frazil.compute.classify2d.score import score
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.stage import Stage

# Classes this improbable at the coarse stage are not looked at again, nats.
_SHORT_LIST_NATS = 14.0
_SHORT_LIST_LEAST = 3
# Noise that averages hold up to so many times the median class's is nothing special.
_LURE = 3.0


@dataclass
class Found:
    """What the expectation step finds of P particles; arrays as the columns of the bank."""

    evidence: NDArray[np.float32]
    slot: NDArray[np.int16]
    probability: NDArray[np.float32]
    pose: NDArray[np.float32]
    top_slot: NDArray[np.int16]
    top_probability: NDArray[np.float32]
    draw_slot: NDArray[np.int16]
    draw_pose: NDArray[np.float32]
    real: NDArray[np.float32]

    @classmethod
    def empty(cls, count: int) -> Found:
        """Room for P particles."""
        return cls(
            np.zeros(count, np.float32),
            np.zeros(count, np.int16),
            np.zeros(count, np.float32),
            np.zeros((count, 3), np.float32),
            np.zeros((count, TOP_CLASSES), np.int16),
            np.zeros((count, TOP_CLASSES), np.float32),
            np.zeros((count, DRAWS), np.int16),
            np.zeros((count, DRAWS, 5), np.float32),
            np.zeros(count, np.float32),
        )

    def some(self, chosen: NDArray[np.bool_]) -> Found:
        """Return what was found of some of the particles."""
        return Found(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})


@dataclass(frozen=True)
class Expectation:
    """One stage's references, and how they are compared.

    Attributes
    ----------
    stage, references, coarse
        The stage, its references, and those of its coarse stage (None: all classes are looked at).
    strictness
        How much of the averages' own noise is held against a particle when it is compared to pure noise.
    """

    stage: Stage
    references: References
    coarse: References | None
    strictness: float

    @property
    def on_cpu(self) -> bool:
        """Whether the fused kernel does it."""
        return self.references.device.type == "cpu"

    def __call__(
        self,
        prepared: Prepared,
        chance: NDArray[np.float64],
        threads: int = 1,
        home: NDArray[np.int16] | None = None,
    ) -> Found:
        """Find classes and poses of P prepared particles.

        ``chance`` is (P, 2), uniform; ``home`` (P,) the class that each is in, -1 for none (None: all).
        """
        at = np.full(len(prepared), -1, np.int16) if home is None else home
        found = Found.empty(len(prepared))

        def work(piece: slice) -> None:
            with torch.inference_mode():
                self._piece(prepared, chance[piece], at[piece], piece, found)

        for_each(work, pieces(len(prepared)), threads)
        return found

    def _scores(
        self, prepared: Prepared, references: References, piece: slice, keep: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Log posterior (p, K, S), -inf where not looked at; ½ N (p, K, 5); packed orders."""
        band = references.band
        flat = prepared.packed(band, piece)
        norms = references.half_norms(prepared.squares, prepared.rows[piece])
        count = len(flat)
        if not self.on_cpu:
            device = references.device
            orders = prepared.orders(piece, band.grid.ring_count, band.grid.order_count).to(device)
            scores = score_with_torch(references, orders, torch.as_tensor(norms, device=device))
            return scores.cpu().numpy() + references.log_prior, norms, flat
        if keep is None:
            keep = np.ones((count, references.class_count), dtype=np.bool_)
        keep = keep & references.alive
        return score(references, flat, norms, keep), norms, flat

    def _piece(
        self,
        prepared: Prepared,
        chance: NDArray[np.float64],
        home: NDArray[np.int16],
        piece: slice,
        found: Found,
    ) -> None:
        references, stage = self.references, self.stage
        if not references.alive.any():
            # Nothing to compare with: in no class, until there is one.
            found.slot[piece], found.top_slot[piece], found.draw_slot[piece] = -1, -1, -1
            return
        keep = None
        if self.coarse is not None and self.on_cpu:
            keep = _short_list(self._scores(prepared, self.coarse, piece, None)[0])
        scores, norms, flat = self._scores(prepared, references, piece, keep)
        evidence = np.empty(scores.shape[:2])
        class_evidence(scores, evidence)
        lure = self._lure(home) if stage.null_share > 0.0 else 0.0
        evidence -= lure
        best_pose = np.empty((len(flat), 3), np.float64)
        choose_poses(
            flat,
            scores,
            evidence,
            norms,
            references.matched,
            references.band.starts,
            references.band.tables,
            references.band.trigonometry,
            references.band.plan.place,
            references.shifts_a,
            stage.shift_step_a,
            chance,
            found.draw_slot[piece],
            found.draw_pose[piece],
            best_pose,
        )
        found.pose[piece] = best_pose
        # Against the null class an average's noise is no merit.
        merit = np.maximum(self.strictness * references.allowance - lure, 0.0)
        total = np.logaddexp.reduce(evidence - merit, axis=1)
        real = np.ones(len(flat))
        if stage.null_share > 0.0:
            real = 1.0 / (1.0 + np.exp(np.clip(np.log(stage.null_share) - total, -60.0, 60.0)))
        probability = np.exp(evidence - np.logaddexp.reduce(evidence, axis=1)[:, None]) * real[:, None]
        order = np.argsort(-probability, axis=1, kind="stable")[:, :TOP_CLASSES]
        best = order[:, 0]
        width = order.shape[1]
        found.top_slot[piece] = -1
        found.top_slot[piece, :width] = order
        found.top_probability[piece, :width] = np.take_along_axis(probability, order, axis=1)
        found.slot[piece] = np.where(real < 0.5, -1, best)
        found.probability[piece] = found.top_probability[piece, 0]
        found.evidence[piece] = total
        found.real[piece] = real

    def _lure(self, home: NDArray[np.int16]) -> NDArray[np.float64]:
        """Evidence of noise in averages that must not draw strangers to poor classes, (p, K).

        What noise an average holds is no fault of a small class's members (see `make_references`), but every
        weak particle would find something alike in it.
        """
        allowance = self.references.allowance
        typical = float(np.median(allowance[self.references.alive]))
        lure = np.maximum(allowance - _LURE * typical, 0.0)
        members = home[:, None] == np.arange(len(allowance))
        return np.where(members, 0.0, lure)


def _short_list(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Classes worth a finer look, (p, K)."""
    evidence = np.empty(scores.shape[:2])
    class_evidence(scores, evidence)
    keep: NDArray[np.bool_] = evidence > evidence.max(axis=1, keepdims=True) - _SHORT_LIST_NATS
    least = min(_SHORT_LIST_LEAST, scores.shape[1])
    np.put_along_axis(keep, np.argsort(-evidence, axis=1, kind="stable")[:, :least], True, axis=1)
    return keep
