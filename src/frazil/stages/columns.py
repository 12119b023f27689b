"""Arrow tables straight from NumPy arrays.

``pyarrow.table`` asks of every array whether it belongs to pandas, and for that imports pandas: a third of a
second in each new worker. Arrays are handed over as buffers instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def arrow_table(columns: Mapping[str, NDArray[Any] | tuple[str, int]], extra: Mapping[str, str]) -> pa.Table:
    """Table of columns of equal length, with ``extra`` as its metadata.

    Parameters
    ----------
    columns
        Arrays (n,) of numbers or truth values, or (text, n) for a column that says the same in each row.

    Raises
    ------
    TypeError
        An array holds anything else.
    """
    arrays = {
        name: _repeated(*values) if isinstance(values, tuple) else _numbers(name, values)
        for name, values in columns.items()
    }
    table = pa.Table.from_arrays(list(arrays.values()), names=list(arrays))
    return table.replace_schema_metadata(dict(extra))


def _numbers(name: str, values: NDArray[Any]) -> pa.Array:
    if values.dtype.kind == "b":
        bits = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])
    if values.dtype.kind not in "iuf":
        raise TypeError(f"column {name} holds {values.dtype}; numbers or truth values are needed")
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _repeated(text: str, count: int) -> pa.DictionaryArray:
    encoded = text.encode()
    offsets = pa.py_buffer(np.array([0, len(encoded)], dtype=np.int32))
    words = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(encoded)])
    return pa.DictionaryArray.from_arrays(_numbers("", np.zeros(count, dtype=np.int32)), words)
