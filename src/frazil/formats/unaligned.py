"""Unaligned 64-bit loads and stores for numba kernels, which numba itself does not offer.

No bounds are checked: the kernels that use them must make sure that index + 8 lies inside the array.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    data = builder.bitcast(data, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(data, [index]), _WORD.as_pointer())


@intrinsic
def load64(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """``load64(bytes, index)``: eight bytes from ``index`` on as uint64, lowest byte first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=1)

    return types.uint64(array, types.int64), generate


@intrinsic
def store64(typing_context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """``store64(bytes, index, value)``: write a uint64 to eight bytes from ``index`` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(arguments[2], pointer, align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def byteswap64(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    """``byteswap64(word)``: the bytes of a uint64 in reverse order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate
