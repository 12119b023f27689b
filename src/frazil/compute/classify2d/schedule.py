"""From coarse to fine: which stages a classification goes through."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from frazil.compute.classify2d.stage import Stage

# Below this resolution all classes are compared at once; finer stages start from its short list.
COARSE_A = 20.0
_ROUGH_A = 30.0
# From one limit of the ramp to the next, in ln of the resolution.
_STEP = 0.3
_NULL_SHARE = 0.2


@dataclass(frozen=True)
class Step:
    """Some passes of one stage over the particles of the start-up.

    Attributes
    ----------
    stage, passes
        How, and how often.
    exchanges
        Rounds of giving up and splitting classes, each followed by ``after`` passes.
    exchange_share
        Share of the classes that may move in one round.
    restart
        Begin from the boxes' centres again: a particle that lost its way among the first, poor averages finds
        back among the better ones.
    second_look
        Before the passes, everybody is looked for again in the whole box (see `look_again`).
    """

    stage: Stage
    passes: int
    exchanges: int = 0
    exchange_share: float = 0.25
    after: int = 1
    restart: bool = False
    second_look: bool = False


@dataclass(frozen=True)
class Reach:
    """Limits of one classification.

    Attributes
    ----------
    initial_a, final_a
        Where the limit starts, and the finest it may get, Å.
    off_centre_a
        How far from the box's centre particles may be.
    """

    initial_a: float
    final_a: float
    off_centre_a: float

    @property
    def radius_a(self) -> float:
        """Radius of a search for the centre."""
        return max(10.0, self.off_centre_a)

    @property
    def coarse_a(self) -> float:
        """Limit of the coarse stage."""
        return max(self.final_a, min(self.initial_a, COARSE_A))

    def coarse(self) -> Stage:
        """All classes, around known centres."""
        limit = self.coarse_a
        return Stage(limit, 0.25 * limit, 0.5 * limit, 6.0)

    def wide(self) -> Stage:
        """All classes, centres unknown."""
        limit, radius = self.coarse_a, self.radius_a
        return Stage(limit, 0.3 * limit, radius, max(6.0, 0.4 * radius))

    def fine(self, limit_a: float) -> Stage:
        """Return classes that the coarse stage leaves, at a finer limit; what is like none goes to none."""
        limit = max(self.final_a, limit_a)
        coarse = self.coarse() if limit < 0.98 * self.coarse_a else None
        return Stage(limit, 0.25 * limit, 0.5 * limit, 5.0, _NULL_SHARE, coarse)

    def beginning(self) -> list[Step]:
        """Plan steps from random classes to such as are worth refining."""
        first, radius = max(self.final_a, min(self.initial_a, _ROUGH_A)), self.radius_a
        rough = Stage(first, 0.3 * first, radius, max(6.0, 0.4 * radius))
        return [
            Step(rough, 5),
            Step(self.coarse(), 2, exchanges=6, exchange_share=0.4),
            Step(self.wide(), 1, restart=True),
            Step(self.coarse(), 1, exchanges=2),
        ]

    def renewal(self) -> list[Step]:
        """Plan steps for classes that hold already but now find many more particles."""
        return [Step(self.wide(), 1, restart=True), Step(self.coarse(), 1, exchanges=4, exchange_share=0.4)]

    def ramp(self) -> list[Step]:
        """Plan steps from the coarse limit to the final one."""
        ratio = self.coarse_a / self.final_a
        count = max(1, round(math.log(ratio) / _STEP))
        limits = [self.coarse_a * ratio ** (-(number + 1) / count) for number in range(count)]
        steps = [Step(self.fine(limit), 2, 2 if limit > 10.0 else 1, 0.15) for limit in limits]
        return [*steps[:-1], replace(steps[-1], second_look=True)]
