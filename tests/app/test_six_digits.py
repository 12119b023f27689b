"""Numbers of plots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.app.six_digits import six_digits

_SIZES = st.floats(min_value=1e-12, max_value=1e15)


@given(st.lists(_SIZES | _SIZES.map(lambda size: -size)))
def test_numbers_keep_six_digits(values: list[float]) -> None:
    # A number half-way between two may go to either.
    assert six_digits(values) == pytest.approx([float(f"{value:.6g}") for value in values], rel=1.1e-5)


def test_they_are_short_in_writing() -> None:
    values = [12345.678, 0.00123456789, -3.14159265, 1234567.89, 0.0, None, 1e-300, 99999.96]
    assert six_digits(values) == [12345.7, 0.00123457, -3.14159, 1234570.0, 0.0, None, 0.0, 100000.0]
    assert six_digits([]) == []
    assert six_digits([None, None]) == [None, None]
