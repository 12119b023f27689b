"""Arrow tables from NumPy arrays."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frazil.stages.columns import arrow_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_what_is_read_back_is_what_was_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    columns: dict[str, NDArray[Any]] = {
        "score": rng.standard_normal(19),
        "small": rng.standard_normal(19).astype(np.float32),
        "id": np.arange(19)[::-1],
        "group": np.full(19, 3, np.int32),
        "accepted": rng.random(19) > 0.5,
        "every_other": np.arange(38.0)[::2],
    }
    pq.write_table(arrow_table({**columns, "stack": ("particles/ä.mrcs", 19)}, {"a": "1"}), tmp_path / "t")
    table = pq.read_table(tmp_path / "t")
    for name, values in columns.items():
        found = table.column(name).to_numpy()
        assert found.dtype == values.dtype, name
        np.testing.assert_array_equal(found, values)
    assert table.column("stack").type == pa.dictionary(pa.int32(), pa.string())
    assert table.column("stack").to_pylist() == ["particles/ä.mrcs"] * 19
    assert table.schema.metadata == {b"a": b"1"}


def test_nothing_is_a_table_too() -> None:
    table = arrow_table({"x": np.zeros(0), "accepted": np.zeros(0, np.bool_), "stack": ("a", 0)}, {})
    assert table.num_rows == 0
    assert table.column("accepted").to_pylist() == []


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="column name holds <U1"):
        arrow_table({"name": np.array(["a", "b"])}, {})


def test_pandas_stays_out() -> None:
    script = """
import sys
import io
import numpy as np, pyarrow.parquet as pq
from frazil.stages.columns import arrow_table
table = arrow_table({"x": np.arange(3.0), "b": np.ones(3, bool), "s": ("a", 3)}, {"k": "v"})
pq.write_table(table, io.BytesIO())
print("pandas" in sys.modules)
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert told.stdout.strip() == "False"
