"""Eight float32 at a time for numba kernels.

LLVM vectorises a loop only when it can prove that the arrays don't overlap, which it can't for the many
arrays of an FFT. Here the vectors are written out: ``load(a, i) * splat(w) + load(b, i)``. Any processor
will do; LLVM splits the vectors where registers are shorter. No bounds are checked: index + 8 must lie
inside the array.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

if TYPE_CHECKING:
    from collections.abc import Callable

LANES = 8
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)


class _Lanes(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name="Float32x8")


lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any, vector: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """``load(a, i)``: the eight elements of a flat array from i on, converted to float32."""
    kind = array.dtype

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        stored = ir.VectorType(context.get_data_type(kind), LANES)
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1], stored)
        value = builder.load(pointer, align=kind.bitwidth // 8)
        if isinstance(kind, types.Float):
            return value if kind.bitwidth == 32 else builder.fptrunc(value, _VECTOR)
        # A short unsigned number fits the signed type, whose conversion is one instruction.
        wide = ir.VectorType(ir.IntType(32), LANES)
        if kind.bitwidth < 32:
            value = builder.sext(value, wide) if kind.signed else builder.zext(value, wide)
            return builder.sitofp(value, _VECTOR)
        return builder.sitofp(value, _VECTOR) if kind.signed else builder.uitofp(value, _VECTOR)

    return lanes(array, types.int64), generate


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """``store(a, i, v)``: write the vector to a flat float32 array from i on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1], _VECTOR)
        builder.store(arguments[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), generate


@intrinsic
def splat(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    """``splat(x)``: the number in all eight lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], _INDEX(0))
        mask = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)

    return lanes(types.float32), generate


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """``multiply_add(a, b, c)``: a b + c, in one instruction where the processor has it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
        return builder.call(function, arguments)

    return lanes(lanes, lanes, lanes), generate


def _interleave(first: int, second: int, half: int) -> list[int]:
    """Lanes for one step of a transposition: alternate blocks of ``half`` lanes of two vectors."""
    return [
        source + block * 2 * half + lane
        for block in range(LANES // (2 * half))
        for source in (first, second)
        for lane in range(half)
    ]


def _transposed(builder: Any, packed: Any) -> list[Any]:
    vectors = [builder.extract_value(packed, lane) for lane in range(LANES)]
    # Eight by eight in three steps, each exchanges blocks of half the size across the diagonal.
    for half in (4, 2, 1):
        low = ir.Constant(ir.VectorType(_INDEX, LANES), _interleave(0, LANES, half))
        high = ir.Constant(ir.VectorType(_INDEX, LANES), _interleave(half, LANES + half, half))
        for i in range(LANES):
            if not i & half:
                a, b = vectors[i], vectors[i + half]
                vectors[i] = builder.shuffle_vector(a, b, low)
                vectors[i + half] = builder.shuffle_vector(a, b, high)
    return vectors


@intrinsic
def transposed(typing_context: Any, rows: Any) -> Any:  # noqa: ARG001
    """``transposed((v0, …, v7))``: eight vectors, of which the i-th holds lane i of all."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_tuple(builder, signature.return_type, _transposed(builder, arguments[0]))

    return types.UniTuple(lanes, LANES)(types.UniTuple(lanes, LANES)), generate


@intrinsic
def store_transposed(typing_context: Any, array: Any, index: Any, stride: Any, rows: Any) -> Any:  # noqa: ARG001
    """``store_transposed(a, i, s, (v0, …, v7))``: lane l of all eight to a[i + l s …], side by side."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, start, step, packed = arguments
        for lane, vector in enumerate(_transposed(builder, packed)):
            offset = builder.add(start, builder.mul(step, ir.Constant(step.type, lane)))
            pointer = _address(context, builder, signature.args[0], target, offset, _VECTOR)
            builder.store(vector, pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, types.UniTuple(lanes, LANES)), generate


def _binary(emit: Callable[[Any, Any, Any], Any]) -> Any:
    @intrinsic
    def operation(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            return emit(builder, arguments[0], arguments[1])

        return lanes(lanes, lanes), generate

    return operation


_add = _binary(lambda builder, a, b: builder.fadd(a, b))
_subtract = _binary(lambda builder, a, b: builder.fsub(a, b))
_multiply = _binary(lambda builder, a, b: builder.fmul(a, b))


@overload(operator.add, strict=False)
def _overload_add(a: Any, b: Any) -> Any:
    if a is lanes and b is lanes:
        return lambda a, b: _add(a, b)
    return None


@overload(operator.sub, strict=False)
def _overload_subtract(a: Any, b: Any) -> Any:
    if a is lanes and b is lanes:
        return lambda a, b: _subtract(a, b)
    return None


@overload(operator.mul, strict=False)
def _overload_multiply(a: Any, b: Any) -> Any:
    if a is lanes and b is lanes:
        return lambda a, b: _multiply(a, b)
    return None
