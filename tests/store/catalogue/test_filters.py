"""Filters of movies: the database keeps exactly what their definition says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter, Range
from frazil.store.catalogue import filters, movies
from frazil.store.catalogue.schema import movies as table

if TYPE_CHECKING:
    from frazil.store.catalogue import Catalogue

VALUES = st.one_of(st.none(), st.integers(0, 4).map(float))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["ab_c", "abc", "100%", "x"]),
            "state": st.sampled_from(["done", "failed", "queued"]),
            "override": st.sampled_from(["auto", "include", "exclude"]),
            "ctf_resolution_a": VALUES,
            "defocus_mean_a": VALUES,
            "grid_square": st.sampled_from([None, "7", "8"]),
            "foil_hole": st.sampled_from([None, "h1", "h2"]),
            "optics_group": st.sampled_from([None, 1, 2]),
        }
    ),
    max_size=12,
)
RANGES = st.builds(Range, low=VALUES, high=VALUES)
FILTERS = st.builds(
    MovieFilter,
    ranges=st.dictionaries(st.sampled_from(["ctf_resolution_a", "defocus_mean_a"]), RANGES),
    text=st.sampled_from(["", "b_", "%", "AB"]),
    states=st.sampled_from([(), ("done",), ("done", "failed")]),
    grid_squares=st.sampled_from([(), ("7",)]),
    foil_holes=st.sampled_from([(), ("h1",)]),
    optics_groups=st.sampled_from([(), (1, 2)]),
    negate=st.booleans(),
    keep_missing=st.booleans(),
)


def is_kept(row: dict[str, Any], content: MovieFilter) -> bool:
    """Whether a movie is kept, by the words of the definition."""
    if row["override"] != "auto":
        return bool(row["override"] == "include")
    passes = True
    for name, limits in content.ranges.items():
        value = row[name]
        if value is None:
            passes &= content.keep_missing
        else:
            passes &= limits.low is None or value >= limits.low
            passes &= limits.high is None or value <= limits.high
    passes &= content.text.lower() in row["name"].lower()
    passes &= not content.states or row["state"] in content.states
    passes &= not content.grid_squares or row["grid_square"] in content.grid_squares
    passes &= not content.foil_holes or row["foil_hole"] in content.foil_holes
    passes &= not content.optics_groups or row["optics_group"] in content.optics_groups
    return passes != content.negate


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)
@given(ROWS, FILTERS)
def test_the_database_keeps_what_the_definition_says(
    catalogue: Catalogue, session_id: int, rows: list[dict[str, Any]], content: MovieFilter
) -> None:
    common = {"path": "", "found_at": 1.0, "target_revision": 1}
    full = [{**common, **row, "name": f"{row['name']}{place}"} for place, row in enumerate(rows)]
    with catalogue.write() as connection:
        connection.execute(table.delete())
        movies.add_many(connection, session_id, full)
        found = set(connection.scalars(select(table.c.name).where(filters.kept(content))))
    assert found == {row["name"] for row in full if is_kept(row, content)}


def test_filters_have_names(catalogue: Catalogue, session_id: int) -> None:
    good = MovieFilter(ranges={"ctf_resolution_a": Range(high=5.0)}, negate=True)
    with catalogue.write() as connection:
        filters.save(connection, session_id, "good", MovieFilter(), saved_by="ann", saved_at=1.0)
        filters.save(connection, session_id, "good", good, saved_by="ann", saved_at=2.0)
        assert filters.get(connection, session_id, "good") == good
        assert [row["name"] for row in filters.listed(connection, session_id)] == ["good"]
        assert filters.remove(connection, session_id, "good")
        assert not filters.remove(connection, session_id, "good")
        with pytest.raises(InputError, match="good"):
            filters.get(connection, session_id, "good")


@pytest.mark.parametrize("ranges", [{"password": {}}, {"name": {"low": 1}}, {"particles": {"low": "nan"}}])
def test_ranges_are_of_columns_of_numbers(ranges: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MovieFilter.model_validate({"ranges": ranges})
