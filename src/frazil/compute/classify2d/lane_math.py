"""More arithmetic on eight float32 at a time: maximum, exponential, the largest lane."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from frazil.compute.lanes import LANES, lanes

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
# Adding and taking away 1.5 · 2^23 rounds to a whole number, which then lies in the lowest bits.
_ROUNDING = 12582912.0
# 2^x on [-1/2, 1/2]: minimax, relative error 2e-7.
_POWER_OF_TWO = (1.0, 0.6931472, 0.24022651, 0.05550407, 0.00961767, 0.00133336)


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [float(np.float32(value))] * LANES)


@intrinsic
def maximum(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """``maximum(a, b)``: the larger one in each lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        larger = builder.fcmp_ordered(">", arguments[0], arguments[1])
        return builder.select(larger, arguments[0], arguments[1])

    return lanes(lanes, lanes), generate


@intrinsic
def largest(typing_context: Any, a: Any) -> Any:  # noqa: ARG001
    """``largest(a)``: the largest of the eight lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(ir.FloatType(), [_VECTOR])
        name = f"llvm.vector.reduce.fmax.v{LANES}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    return types.float32(lanes), generate


@intrinsic
def exponential(typing_context: Any, a: Any) -> Any:  # noqa: ARG001
    """``exponential(a)``: e^a for a ≤ 80; below -80 it stays at e^-80. Relative error 1e-6."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
        low = _constant(-80.0)
        x = builder.select(builder.fcmp_ordered(">", arguments[0], low), arguments[0], low)
        x = builder.fmul(x, _constant(1.4426950408889634))
        shifted = builder.fadd(x, _constant(_ROUNDING))
        rest = builder.fsub(x, builder.fsub(shifted, _constant(_ROUNDING)))
        power = _constant(_POWER_OF_TWO[-1])
        for coefficient in _POWER_OF_TWO[-2::-1]:
            power = builder.call(fma, [power, rest, _constant(coefficient)])
        exponent = builder.shl(builder.bitcast(shifted, _INTEGERS), ir.Constant(_INTEGERS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(power, _INTEGERS), exponent), _VECTOR)

    return lanes(lanes), generate
