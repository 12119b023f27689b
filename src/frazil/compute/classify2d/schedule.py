"""From coarse to fine: which stages a classification goes through."""

from __future__ import annotations

from dataclasses import dataclass, replace

from frazil.compute.classify2d.engine import Stage

# Below this resolution all classes are compared at once; finer stages start from its short list.
_COARSE_A = 20.0


@dataclass(frozen=True)
class Step:
    """Some passes of one stage.

    Attributes
    ----------
    stage, passes
        How, and how often.
    exchanges
        Rounds of giving up and splitting classes, each followed by two passes.
    exchange_share
        Share of the classes that may move in one round.
    whole
        All particles are visited, not only those that start-up is done with.
    restart
        Begin from the boxes' centres again: a particle that lost its way among the first, poor averages finds
        back among the better ones.
    """

    stage: Stage
    passes: int
    exchanges: int = 0
    exchange_share: float = 0.25
    whole: bool = False
    restart: bool = False


def ramp(initial_a: float, final_a: float, off_centre_a: float) -> list[Step]:
    """Plan the stages from the initial to the final resolution.

    Parameters
    ----------
    initial_a, final_a
        Limits, Å.
    off_centre_a
        How far from the box's centre particles may be.
    """
    first = max(final_a, min(initial_a, 30.0))
    reach = max(10.0, off_centre_a)
    rough = Stage(first, 0.3 * first, reach, max(6.0, 0.4 * reach))
    steps = [Step(rough, 5)]
    limit = max(final_a, min(initial_a, _COARSE_A))
    coarse = Stage(limit, 0.25 * limit, 0.5 * limit, 6.0)
    steps.append(Step(coarse, 2, exchanges=6, exchange_share=0.4))
    wide = Stage(limit, 0.3 * limit, reach, max(6.0, 0.4 * reach))
    steps.append(Step(wide, 1, restart=True))
    steps.append(Step(coarse, 1, exchanges=2))
    previous = limit
    while previous > final_a * 1.02:
        limit = max(final_a, 0.75 * previous)
        stage = Stage(limit, 0.25 * limit, 0.5 * limit, 5.0, null_share=0.2, coarse=coarse)
        steps.append(Step(stage, 2, exchanges=2 if limit > 11.0 else 0, exchange_share=0.15))
        previous = limit
    last = steps[-1]
    steps[-1] = replace(last, whole=False)
    steps.append(Step(replace(last.stage, null_share=0.2, refine_pose=True), 2, whole=True))
    return steps
