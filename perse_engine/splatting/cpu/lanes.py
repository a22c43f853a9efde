"""A vector of 16 float32 lanes for numba, lowered to LLVM vector instructions.

LLVM's loop vectoriser refuses the blending loops (too many arrays for its alias checks), so the lanes are explicit.
LLVM turns <16 x float> into one AVX-512, two AVX2 or four NEON or SSE registers: nothing here names a machine.
Operators + - * / and comparisons work between lanes, and between lanes and float32 scalars.

Everything below is called inside kernels only; annotations use `Any` because numba gives the types.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numba.extending
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, register_model

intrinsic: Any = numba.extending.intrinsic
"""Inside a kernel an intrinsic takes other arguments than its Python signature says."""

COUNT = 16
FLOATS, INTS, BITS = (ir.VectorType(t, COUNT) for t in (ir.FloatType(), ir.IntType(32), ir.IntType(1)))
SHORTS = ir.VectorType(ir.IntType(16), COUNT)
I1, I16, I32, I64 = (ir.IntType(n) for n in (1, 16, 32, 64))
# Lets LLVM form fused multiply-adds, and nothing else.
CONTRACT = ("contract",)


class Lanes(types.Type):
    """16 float32."""

    def __init__(self) -> None:
        super().__init__("lanes16f32")


class LaneMask(types.Type):
    """16 booleans."""

    def __init__(self) -> None:
        super().__init__("lanes16b1")


LANES, MASK = Lanes(), LaneMask()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, FLOATS)


@register_model(LaneMask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BITS)


def constant(vector: ir.VectorType, value: float | np.float32) -> ir.Constant:
    """The same number in every lane."""
    return ir.Constant(vector, [value] * vector.count)


def broadcast(builder: ir.IRBuilder, scalar: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A scalar value in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def call(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: list[ir.Value]) -> ir.Value:
    """Call an LLVM intrinsic by name."""
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(result, [a.type for a in arguments]), name)
    return builder.call(function, arguments)


def element_pointer(
    context: Any, builder: ir.IRBuilder, kind: Any, array: Any, index: Any, element: ir.Type
) -> ir.Value:
    """Pointer to `element` that begins at number `index` of a flat array."""
    start = builder.gep(context.make_array(kind)(context, builder, array).data, [index])
    return builder.bitcast(start, element.as_pointer())


def _define_operator(
    operation: Any, result: types.Type, lower: Callable[[ir.IRBuilder, ir.Value, ir.Value], ir.Value]
) -> None:
    scalar = types.float32
    operands = [(LANES, LANES), (LANES, scalar), (scalar, LANES)]

    @infer_global(operation)
    class _Typing(ConcreteTemplate):
        cases = [signature(result, *pair) for pair in operands]  # noqa: RUF012

    for pair in operands:

        @lower_builtin(operation, *pair)
        def _lower(_context: Any, builder: ir.IRBuilder, sig: Any, values: Any) -> ir.Value:
            a, b = (
                broadcast(builder, value, FLOATS) if kind == scalar else value
                for kind, value in zip(sig.args, values, strict=True)
            )
            return lower(builder, a, b)


_define_operator(operator.add, LANES, lambda builder, a, b: builder.fadd(a, b, flags=CONTRACT))
_define_operator(operator.sub, LANES, lambda builder, a, b: builder.fsub(a, b, flags=CONTRACT))
_define_operator(operator.mul, LANES, lambda builder, a, b: builder.fmul(a, b, flags=CONTRACT))
_define_operator(operator.truediv, LANES, lambda builder, a, b: builder.fdiv(a, b))
_define_operator(operator.ge, MASK, lambda builder, a, b: builder.fcmp_ordered(">=", a, b))
_define_operator(operator.gt, MASK, lambda builder, a, b: builder.fcmp_ordered(">", a, b))
_define_operator(operator.le, MASK, lambda builder, a, b: builder.fcmp_ordered("<=", a, b))
_define_operator(operator.lt, MASK, lambda builder, a, b: builder.fcmp_ordered("<", a, b))


def _unary(result: types.Type, lower: Callable[[ir.IRBuilder, ir.Value], ir.Value]) -> Any:
    @intrinsic
    def operation(typingctx: Any, a: Any) -> Any:
        return result(a), lambda context, builder, sig, values: lower(builder, *values)

    return operation


def _binary(result: types.Type, lower: Callable[[ir.IRBuilder, ir.Value, ir.Value], ir.Value]) -> Any:
    @intrinsic
    def operation(typingctx: Any, a: Any, b: Any) -> Any:
        return result(a, b), lambda context, builder, sig, values: lower(builder, *values)

    return operation


def _ternary(result: types.Type, lower: Callable[[ir.IRBuilder, ir.Value, ir.Value, ir.Value], ir.Value]) -> Any:
    @intrinsic
    def operation(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        return result(a, b, c), lambda context, builder, sig, values: lower(builder, *values)

    return operation


def _fma(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    # fmuladd, not fma: a machine without the instruction multiplies and adds instead of calling libm 16 times.
    return call(builder, "llvm.fmuladd.v16f32", FLOATS, [a, b, c])


def _exp2(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """2^x for -126 <= x < 128, relative error 7.5e-8: floor(x) through the exponent bits, the rest by a polynomial."""
    whole = call(builder, "llvm.floor.v16f32", FLOATS, [x])
    rest = builder.fsub(x, whole)
    # Fitted on [0, 1] for the relative error (Lawson's iteration).
    value = constant(FLOATS, np.float32(1.877576675e-03))
    for c in (8.989340091e-03, 5.582631805e-02, 2.401536170e-01, 6.931530732e-01, 9.999999251e-01):
        value = _fma(builder, value, rest, constant(FLOATS, np.float32(c)))
    shift = builder.shl(builder.fptosi(whole, INTS), constant(INTS, 23))
    return builder.bitcast(builder.add(builder.bitcast(value, INTS), shift), FLOATS)


def _log2(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """log2(x) for normal x > 0, about 1e-7: x = 2^e m with m in [sqrt(1/2), sqrt(2)), then the series of atanh."""
    bits = builder.bitcast(x, INTS)
    shifted = builder.sub(bits, constant(INTS, 0x3F3504F3))  # sqrt(1/2)
    exponent = builder.ashr(shifted, constant(INTS, 23))
    mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, constant(INTS, 23))), FLOATS)
    one = constant(FLOATS, 1.0)
    s = builder.fdiv(builder.fsub(mantissa, one), builder.fadd(mantissa, one))
    s2 = builder.fmul(s, s)
    series = constant(FLOATS, np.float32(2 / np.log(2) / 9))
    for n in (7, 5, 3, 1):
        series = _fma(builder, series, s2, constant(FLOATS, np.float32(2 / np.log(2) / n)))
    return _fma(builder, series, s, builder.sitofp(exponent, FLOATS))


def _reciprocal(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """1/x for normal x > 0, without the divider: a seed from the exponent bits and three Newton steps."""
    y = builder.bitcast(builder.sub(constant(INTS, 0x7EF311C7), builder.bitcast(x, INTS)), FLOATS)
    for _ in range(3):
        y = builder.fmul(y, _fma(builder, builder.fneg(x), y, constant(FLOATS, 2.0)))
    return y


def _mapped(name: str) -> Any:
    return _unary(LANES, lambda builder, a: call(builder, f"llvm.{name}.v16f32", FLOATS, [a]))


splat = _unary(LANES, lambda builder, a: broadcast(builder, a, FLOATS))
"""splat(float32): the scalar in every lane."""
numbers = _unary(
    LANES, lambda builder, a: builder.fadd(broadcast(builder, a, FLOATS), ir.Constant(FLOATS, [*range(COUNT)]))
)
"""numbers(float32 start): start, start + 1, ..., start + 15."""
fma = _ternary(LANES, _fma)
"""fma(a, b, c) = a b + c; written out where forward and backward must round alike."""
exp2 = _unary(LANES, _exp2)
log2 = _unary(LANES, _log2)
reciprocal = _unary(LANES, _reciprocal)
sqrt, floor, ceil, absolute = _mapped("sqrt"), _mapped("floor"), _mapped("ceil"), _mapped("fabs")
minimum = _binary(LANES, lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))
"""minimum(a, b): b where a is not a number."""
maximum = _binary(LANES, lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))
select = _ternary(LANES, lambda builder, mask, a, b: builder.select(mask, a, b))
"""select(mask, a, b): a where the mask is set, else b."""
keep = _binary(LANES, lambda builder, mask, a: builder.select(mask, a, constant(FLOATS, 0.0)))
"""keep(mask, a): a where the mask is set, else 0, whatever a is there."""
both = _binary(MASK, lambda builder, a, b: builder.and_(a, b))
mask_bits = _unary(types.int64, lambda builder, a: builder.zext(builder.bitcast(a, I16), I64))
"""mask_bits(mask): lane k is bit k."""
lowest_bit = _unary(types.int64, lambda builder, a: builder.cttz(a, ir.Constant(I1, 1)))
"""lowest_bit(int64 a != 0): number of its lowest bit that is set."""
