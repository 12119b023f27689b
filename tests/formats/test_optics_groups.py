"""Optics groups: known patterns of holes are found again, and no number ever changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from frazil.formats.optics_groups import GroupsState, OpticsGroups
from frazil.formats.shift_clusters import find_cut, single_linkage
from frazil.model.errors import InputError
from frazil.model.metadata import MovieMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]
coordinates = st.floats(-5, 5, allow_nan=False)


def holes(side: int, visits: int, scatter: float, seed: int = 1) -> tuple[list[Point], list[int]]:
    """Beam shifts of AFIS on a square pattern of holes, hole after hole, and which hole each was in."""
    random = np.random.default_rng(seed)
    centres = [(0.12 * x + 0.03 * y, 0.12 * y - 0.03 * x) for x in range(side) for y in range(side)]
    truth = list(range(side * side)) * visits
    points = [tuple(float(v) for v in random.normal(centres[hole], scatter)) for hole in truth]
    return [(x, y) for x, y in points], truth


def numbers_of(points: Sequence[Point], grouping: str = "auto") -> dict[str, int]:
    groups = OpticsGroups(grouping)
    numbers: dict[str, int] = {}
    for index, point in enumerate(points):
        new = groups.add(f"movie{index}", MovieMetadata(beam_shift=point, shot="4"))
        assert not new.keys() & numbers.keys(), "a number is given once"
        numbers |= new
    return numbers | groups.finish()


@pytest.mark.parametrize("side", [2, 3, 5, 9])
def test_holes_of_a_pattern_become_groups(side: int) -> None:
    points, truth = holes(side, 6, scatter=0.001)
    numbers = numbers_of(points)
    assert len(numbers) == len(points)
    pairs = {(truth[index], numbers[f"movie{index}"]) for index in range(len(points))}
    assert len(pairs) == side * side, "one group per hole, one hole per group"
    assert {number for _, number in pairs} == set(range(1, side * side + 1))


def test_a_hole_that_comes_later_gets_the_next_number() -> None:
    points, _ = holes(3, 6, scatter=0.001)
    assert numbers_of([*points, (2.0, 2.0), (2.001, 2.0)])["movie55"] == 10


@pytest.mark.parametrize("seed", range(5))
def test_one_cloud_is_one_group(seed: int) -> None:
    random = np.random.default_rng(seed)
    cloud = [(float(x), float(y)) for x, y in random.normal(0.2, 0.01, (500, 2))]
    assert set(numbers_of(cloud).values()) == {1}


def test_shift_that_does_not_vary_leaves_the_area_to_decide() -> None:
    groups = OpticsGroups()
    numbers: dict[str, int] = {}
    for index in range(20):
        numbers |= groups.add(str(index), MovieMetadata(beam_shift=(0.1, 0.0), shot=str(index % 2)))
    assert [numbers[str(index)] for index in range(20)] == [1, 2] * 10


def test_serial_em_position_needs_no_waiting() -> None:
    groups = OpticsGroups()
    told = [MovieMetadata(multishot=f"{hole}-1", image_shift=(0.1 * hole, 0.0)) for hole in (1, 2, 1)]
    assert [groups.add(str(index), one)[str(index)] for index, one in enumerate(told)] == [1, 2, 1]


def test_rule_on_names_and_one_group() -> None:
    rule = OpticsGroups(r"_pos(\d+)")
    names = ("a_pos1_x", "b_pos2_x", "c_pos1_x", "d")
    assert [rule.add(name, MovieMetadata())[name] for name in names] == [1, 2, 1, 3]
    one = OpticsGroups("one")
    assert [one.add(name, MovieMetadata(multishot=name))[name] for name in names] == [1, 1, 1, 1]
    with pytest.raises(InputError, match=r"optics_grouping: '\(' is not auto"):
        OpticsGroups("(")


def test_another_pixel_size_is_another_group() -> None:
    groups = OpticsGroups()
    first = groups.add("a", MovieMetadata(), "0.83 Å, 300 kV")
    second = groups.add("b", MovieMetadata(), "1.06 Å, 300 kV")
    assert (first, second) == ({"a": 1}, {"b": 2})


def test_stored_state_goes_on_where_it_was() -> None:
    points, _ = holes(3, 6, scatter=0.001)
    whole = numbers_of(points)
    groups = OpticsGroups()
    numbers: dict[str, int] = {}
    for index, point in enumerate(points):
        groups = OpticsGroups(state=GroupsState.model_validate_json(groups.state.model_dump_json()))
        numbers |= groups.add(f"movie{index}", MovieMetadata(beam_shift=point, shot="4"))
    assert numbers == whole


def test_few_points_stand_for_thousands_of_exposures() -> None:
    points, _ = holes(3, 300, scatter=0.001)
    groups = OpticsGroups()
    for index, point in enumerate(points):
        groups.add(f"movie{index}", MovieMetadata(beam_shift=point))
    assert sum(len(group.points) for group in groups.state.groups) < 200


@settings(max_examples=100, deadline=None)
@given(points=st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=40), cut=st.floats(0.01, 3))
def test_single_linkage_as_scipy_has_it(points: list[Point], cut: float) -> None:
    ours = single_linkage(points, cut)
    theirs = fcluster(linkage(pdist(np.array(points)), "single"), cut, "distance").tolist()
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))


def test_cut_lies_in_the_gap() -> None:
    points, _ = holes(4, 5, scatter=0.001)
    cut = find_cut(points).cut
    assert cut is not None
    assert 0.006 < cut < 0.11


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(coordinates, coordinates), max_size=60),
    grouping=st.sampled_from(["auto", "shift", "one"]),
)
def test_every_exposure_gets_one_number_whatever_the_shifts(points: list[Point], grouping: str) -> None:
    numbers = numbers_of(points, grouping)
    assert sorted(numbers) == sorted(f"movie{index}" for index in range(len(points)))
    assert set(numbers.values()) == set(range(1, len(set(numbers.values())) + 1))
