"""One micrograph's way from a flat image to scored, centred candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import j0

from frazil.compute.parallel import for_each
from frazil.compute.picking.centring import Likeness, centre_of_peak, isolate, lopsidedness, shifted
from frazil.compute.picking.contamination import find_unlike
from frazil.compute.picking.pursuit import median_size, pursue, score_in_place
from frazil.compute.picking.template import (
    PROFILE_STEP_PX,
    Matched,
    Rings,
    disc_transform,
    learn_template,
    matched_filter,
    point_transform,
    power_spectrum,
)
from frazil.compute.picking.threshold import typical_score

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

LOWEST_SCORE = 3.0
"""Candidates below this are not reported."""
LEAST_SEEN = 0.3
"""Share of a particle that must fall on the field for its score to be scaled up in full."""
FEWEST_TO_LEARN = 5
TEMPLATE_DIAMETERS = 0.7
"""Radius of learnt templates: the particle and the CTF's fringe around it."""
LIKENESS_DIAMETERS = 0.6
GAUSSIAN_DIAMETERS = 0.3
"""σ of the Gaussian that finds centres of mass."""
FURTHER_THAN_BRIGHT = 1.1
"""Of a right micrograph the darkest fiftieth of places stands out at least so many times as far."""
REACH_DIAMETERS = 0.25
"""No centre moves further than this in one step."""


@dataclass(frozen=True)
class Candidates:
    """Places where a particle may be, pixels of the reduced image.

    ``score`` is in units of ``noise``, which is what is left of the z-map when all are explained;
    ``amplitude`` is relative to the template.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    score: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    noise: float
    false_alarm_b: float

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Candidates:
        """Keep some of them."""
        return replace(
            self,
            y=self.y[which],
            x=self.x[which],
            score=self.score[which],
            amplitude=self.amplitude[which],
        )


@dataclass(frozen=True)
class Start:
    """First particles, the blob that found them, what they look like and what they leave of the field."""

    blob: NDArray[np.float64]
    template: NDArray[np.float64]
    power: NDArray[np.float64]
    gain: float


class Search:
    """Finds particles on one flat field.

    Parameters
    ----------
    rings
        Of the fields it will look at.
    diameter_a
        Largest extent of the particle.
    min_distance_a
        Closest two particles may lie.
    most
        At most this many candidates.
    threads
        The result does not depend on it.
    """

    def __init__(
        self,
        rings: Rings,
        *,
        diameter_a: float,
        min_distance_a: float,
        most: int,
        threads: int = 1,
    ) -> None:
        self.rings = rings
        self.diameter_a = diameter_a
        self.diameter_px = diameter_a / rings.pixel_size_a
        self.min_distance_px = min_distance_a / rings.pixel_size_a
        self.most = most
        self.threads = threads

    def look_at(self, flat: NDArray[np.float32], usable: NDArray[np.bool_]) -> None:
        """Set the field: background removed, 0 where not ``usable``; centres lie where it is."""
        self.usable = usable
        self.transform = self.rings.transform(flat)
        self.power = power_spectrum(self.rings, self.transform, float(usable.sum()))
        disc = self.rings.spread(disc_transform(self.rings.frequency_per_a, self.diameter_a))
        seen = self.rings.inverse(self.rings.transform(usable.astype(np.float32)) * disc)
        self.seen: NDArray[np.float32] = np.clip(seen, LEAST_SEEN, 1.0)

    def start(self, blobs: list[NDArray[np.float64]]) -> Start | None:
        """First particles by the best of some blobs, and what they look like.

        ``blobs`` are transforms on the rings; the best is the one whose particles explain most. None if
        there is too little to learn from.
        """
        found: list[Start | None] = [None] * len(blobs)

        def search(number: int) -> None:
            found[number] = self._start(blobs[number])

        for_each(search, range(len(blobs)), self.threads)
        starts = [start for start in found if start is not None]
        return max(starts, key=lambda start: start.gain) if starts else None

    def looks_inverted(self, start: Start) -> bool:
        """Whether bright blobs stand out as far as dark ones do, and not just of noise.

        Of a right micrograph the dark ones reach further by a quarter and more; and bright ones explain less
        than half of what dark ones do.
        """
        answers = self._matched(start.blob).z[self.usable]
        bright, middle, dark = np.percentile(answers, [2.0, 50.0, 98.0])
        if dark - middle > FURTHER_THAN_BRIGHT * (middle - bright):
            return False
        inverted = self._start(-start.blob)
        return inverted is not None and inverted.gain > max(0.45 * start.gain, 100.0)

    def outline_a(self, start: Start) -> float:
        """Diameter of the mean outline of the particles of a start: where they are as bright as the ice."""
        k, weight = self.rings.frequency_per_a, self.rings.weight
        radius = np.arange(0.0, TEMPLATE_DIAMETERS * self.diameter_a, 0.5 * self.rings.pixel_size_a)
        profile = j0(2.0 * np.pi * np.outer(radius, k)) @ (weight * start.template)
        darkest = int(np.argmin(profile))
        beyond = np.flatnonzero(profile[darkest:] >= 0.0)
        return 2.0 * float(radius[darkest + beyond[0]] if beyond.size else radius[-1])

    def plain(self, blob: NDArray[np.float64]) -> Candidates:
        """Candidates of one blob, where nothing can be learnt."""
        return self._find(self._matched(blob))

    def by(self, start: Start) -> Candidates:
        """Candidates that the template of a start finds."""
        self.power = start.power
        return self._find(self._matched(start.template), rounds=2)

    def whitened(self, power: NDArray[np.float64]) -> NDArray[np.float32]:
        """Field (h, w) with this power at all frequencies made equal."""
        return self.rings.inverse(self.transform * self.rings.spread(1.0 / np.sqrt(power)))

    def unlike(self, start: Start) -> NDArray[np.bool_]:
        """Contamination: what the particles of a start don't explain."""
        found = self.by(start)
        good = surely(found.score)
        if not good.any():
            return np.zeros(self.usable.shape, dtype=bool)
        typical = float(np.median(found.amplitude[good]))
        capped = replace(found, amplitude=np.minimum(found.amplitude, 1.5 * typical))
        residual = self.transform - self._particles(start.template, capped)
        whitened = residual * self.rings.spread(1.0 / np.sqrt(start.power))
        fields = self.rings.inverse(residual), self.rings.inverse(whitened)
        return find_unlike(*fields, self.usable, found.y[good], found.x[good], self.diameter_px)

    def run(self, start: Start) -> Candidates:
        """Find again with what was learnt, learn again, find again, centre."""
        self.power = start.power
        found = self._find(self._matched(start.template))
        template = self._learn(found)
        if template is None:
            return found
        self.power = self._unexplained(template, found)
        matched = self._matched(template)
        return self._centred(self._find(matched), matched, template)

    def _start(self, blob: NDArray[np.float64]) -> Start | None:
        """First pass with one blob: against white noise, for the field's power is mostly particles."""
        total, frequency = self.power, self.rings.frequency_per_a
        white = float(np.median(total[frequency > 0.35 / self.rings.pixel_size_a]))
        slow = 1.0 / np.maximum((2.0 * self.diameter_a * frequency) ** 4, 1e-6)
        against = white * (1.0 + slow)
        found = self._find(self._matched(blob, against), rounds=1)
        template = self._learn(found, against)
        if template is None:
            return None
        power = self._unexplained(template, found)
        # Log-likelihood (Whittle) that subtracting the particles gains.
        gain = 0.5 * float((self.rings.weight * np.log(total / power))[1:].sum())
        return Start(blob, template, power, gain)

    def _matched(self, template: NDArray[np.float64], against: NDArray[np.float64] | None = None) -> Matched:
        """Answers of a template; unit variance of noise also where only a part of it falls on the field.

        ``against`` is the power of the noise, by default that of the field.
        """
        power = self.power if against is None else against
        whole = matched_filter(self.rings, self.transform, power, template, 1.4 * self.diameter_a)
        return replace(whole, z=np.asarray(whole.z / np.sqrt(self.seen), dtype=np.float32))

    def _find(self, matched: Matched, rounds: int = 4) -> Candidates:
        """Candidates of one template, best first."""
        residue = matched.z.copy()
        noise_before = self._noise(residue)
        args = (self.usable, LOWEST_SCORE * min(noise_before, 1.0), self.min_distance_px)
        y, x, score = pursue(residue, *args, matched.profile, PROFILE_STEP_PX, self.most, rounds)
        noise = self._noise(residue)
        order = np.argsort(-score, kind="stable")
        order = order[score[order] > 0.0]
        y, x, score = y[order], x[order], score[order]
        return Candidates(y, x, score / noise, score / matched.unit, noise, matched.false_alarm_b)

    def _noise(self, z: NDArray[np.float32]) -> float:
        return max(float(median_size(z, self.usable)) / 0.6745, 1e-3)

    def _learn(
        self, found: Candidates, against: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64] | None:
        """Radial template of the candidates that are surely particles."""
        good = surely(found.score)
        if good.sum() < FEWEST_TO_LEARN:
            return None
        score = found.score[good]
        return learn_template(
            self.rings,
            self.transform,
            self.power if against is None else against,
            found.y[good],
            found.x[good],
            np.clip(score / np.median(score), 0.5, 1.5),
            TEMPLATE_DIAMETERS * self.diameter_a,
            np.full(self.rings.weight.size, -1.0),
        )

    def _particles(self, template: NDArray[np.float64], found: Candidates) -> torch.Tensor:
        points = point_transform(self.rings, found.y, found.x, found.amplitude)
        return points * self.rings.spread(template)

    def _unexplained(self, template: NDArray[np.float64], found: Candidates) -> NDArray[np.float64]:
        """Power of the field without the particles found: what a particle must stand out from."""
        particles = self._particles(template, found)
        weight = self.rings.spread(1.0 / self.power)
        cross = particles.real * self.transform.real + particles.imag * self.transform.imag
        scale = float((weight * cross).sum() / (weight * (particles.real**2 + particles.imag**2)).sum())
        return power_spectrum(self.rings, self.transform - scale * particles, float(self.usable.sum()))

    def _centred(self, found: Candidates, matched: Matched, template: NDArray[np.float64]) -> Candidates:
        """Move all candidates to their centres, and score them there."""
        reach = max(int(REACH_DIAMETERS * self.diameter_px), 1)
        radius = round(LIKENESS_DIAMETERS * self.diameter_px)
        k = self.rings.frequency_per_a
        wide = -np.exp(-0.5 * (2.0 * np.pi * GAUSSIAN_DIAMETERS * self.diameter_a * k) ** 2)
        wide /= 1.0 + 1.0 / np.maximum((2.0 * self.diameter_a * k) ** 4, 1e-6)
        wide[0] = 0.0
        still = np.zeros((found.score.size, 2))
        mass = centre_of_peak(self._isolated(found, template, wide, reach + 1), reach)
        pictures = self._whitened(found, template, radius + 2 * reach + 1)
        good = surely(found.score)
        at_peaks = Likeness.learn(pictures[good], radius)
        by_peak, _ = at_peaks.climb(pictures, still, reach, self.threads)
        at_masses = Likeness.learn(shifted(pictures[good], mass[good]), radius)
        from_peak, as_peak = at_masses.climb(pictures, still, reach, self.threads)
        from_mass, as_mass = at_masses.climb(pictures, mass, reach, self.threads)
        by_mass = np.where((as_mass > as_peak)[:, None], from_mass, from_peak)
        # On lattices the centre of mass is anywhere, on long particles the peak is at an end.
        ways = (by_peak, by_mass)
        offset = min(ways, key=lambda way: lopsidedness(shifted(pictures[good], way[good]), radius))
        found = self._moved(found, offset, matched)
        learnt = self._learn(found)
        template = template if learnt is None else learnt
        matched = self._matched(template)
        found = self._rescored(found, matched)
        pictures = self._whitened(found, template, radius + reach + 1)
        likeness = Likeness.learn(pictures[surely(found.score)], radius)
        offset, _ = likeness.climb(pictures, still, reach, self.threads)
        found = self._moved(found, offset, matched)
        # What a candidate has in common with the others beyond their mean speaks for it too.
        extra = likeness.excess(shifted(pictures, offset), found.noise)
        return self._apart(replace(found, score=np.sqrt(np.maximum(found.score**2 + extra, 0.0))))

    def _whitened(
        self, found: Candidates, template: NDArray[np.float64], radius_px: int
    ) -> NDArray[np.float32]:
        return self._isolated(found, template, 1.0 / np.sqrt(self.power), radius_px)

    def _isolated(
        self, found: Candidates, template: NDArray[np.float64], weight: NDArray[np.float64], radius_px: int
    ) -> NDArray[np.float32]:
        residual = self.transform - self._particles(template, found)
        return isolate(self.rings, residual, weight, template, found.y, found.x, found.amplitude, radius_px)

    def _moved(self, found: Candidates, offset: NDArray[np.float64], matched: Matched) -> Candidates:
        return self._rescored(replace(found, y=found.y + offset[:, 0], x=found.x + offset[:, 1]), matched)

    def _rescored(self, found: Candidates, matched: Matched) -> Candidates:
        score = score_in_place(matched.z, found.y, found.x, matched.profile, PROFILE_STEP_PX, 4)
        return replace(found, score=score / found.noise, amplitude=score / matched.unit)

    def _apart(self, found: Candidates) -> Candidates:
        """Best first, without those that came too close to a better one on their way."""
        order = np.argsort(-found.score, kind="stable")
        kept: list[int] = []
        for n in order:
            y, x = found.y[n], found.x[n]
            row, column = int(np.rint(y)), int(np.rint(x))
            inside = 0 <= row < self.usable.shape[0] and 0 <= column < self.usable.shape[1]
            if not inside or not self.usable[row, column] or found.score[n] < LOWEST_SCORE:
                continue
            chosen = np.array(kept, dtype=np.int64)
            if (
                chosen.size
                and np.hypot(found.y[chosen] - y, found.x[chosen] - x).min() < self.min_distance_px
            ):
                continue
            kept.append(int(n))
        return found.chosen(np.array(kept, dtype=np.int64))


def surely(score: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Candidates that are surely particles: near the typical score."""
    typical = typical_score(score)
    result: NDArray[np.bool_] = (score > 0.6 * typical) & (score < 2.0 * typical)
    return result
