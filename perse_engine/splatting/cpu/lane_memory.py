"""Lanes to and from flat arrays: loads, stores, strided loads, compression, horizontal sums, prefetch.

Indices count elements of a C-contiguous one-dimensional array. Nothing checks bounds.
"""

# ruff: noqa: ARG001 - `typingctx` is numba's, the other arguments reach the code through `lower`.

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import RequireLiteralValue

from perse_engine.splatting.cpu.lanes import (
    COUNT,
    FLOATS,
    I16,
    I32,
    I64,
    INTS,
    LANES,
    SHORTS,
    broadcast,
    call,
    constant,
    element_pointer,
    intrinsic,
)

INDEX = types.intp


@intrinsic
def load(typingctx: Any, array: Any, start: Any) -> Any:
    """16 float32 from `array[start]` on."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        pointer = element_pointer(context, builder, sig.args[0], values[0], values[1], FLOATS)
        return builder.load(pointer, align=4)

    return LANES(array, INDEX), lower


@intrinsic
def store(typingctx: Any, array: Any, start: Any, lanes: Any) -> Any:
    """Write 16 float32 from `array[start]` on."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        pointer = element_pointer(context, builder, sig.args[0], values[0], values[1], FLOATS)
        builder.store(values[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, INDEX, lanes), lower


@intrinsic
def load_strided(typingctx: Any, array: Any, start: Any, stride: Any, last: Any) -> Any:
    """Lane k is `array[min(start + k stride, last)]`."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        array, start, stride, last = values
        lanes = ir.Constant(FLOATS, ir.Undefined)
        for k in range(COUNT):
            index = builder.add(start, builder.mul(stride, ir.Constant(I64, k)))
            index = builder.select(builder.icmp_signed("<", index, last), index, last)
            scalar = builder.load(element_pointer(context, builder, sig.args[0], array, index, ir.FloatType()), align=4)
            lanes = builder.insert_element(lanes, scalar, ir.Constant(I32, k))
        return lanes

    return LANES(array, INDEX, INDEX, INDEX), lower


@intrinsic
def append_where(typingctx: Any, target: Any, at: Any, source: Any, start: Any, flags: Any, bit: Any) -> Any:
    """Append those of the 16 int32 `source[start:]` whose uint16 `flags[start:]` have `bit` set, to `target[at:]`.

    Returns how many were appended; up to 16 elements of the target are touched.
    """

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        target, at, source, start, flags, bit = values
        items = builder.load(element_pointer(context, builder, sig.args[2], source, start, INTS), align=4)
        words = builder.load(element_pointer(context, builder, sig.args[4], flags, start, SHORTS), align=2)
        wanted = broadcast(builder, builder.shl(ir.Constant(I16, 1), builder.trunc(bit, I16)), SHORTS)
        mask = builder.icmp_unsigned("!=", builder.and_(words, wanted), constant(SHORTS, 0))
        pointer = element_pointer(context, builder, sig.args[0], target, at, I32)
        call(builder, "llvm.masked.compressstore.v16i32", ir.VoidType(), [items, pointer, mask])
        return builder.zext(builder.ctpop(builder.bitcast(mask, I16)), I64)

    return types.int64(target, INDEX, source, INDEX, flags, INDEX), lower


def _halves_added(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, width: int) -> ir.Value:
    """x and y hold groups of `width` lanes still to be summed: the halves of x's groups added, then of y's."""
    count = x.type.count
    low = [k for group in range(0, count, width) for k in range(group, group + width // 2)]

    def shuffled(offset: int) -> ir.Value:
        index = [k + offset for k in low]
        both = ir.Constant(ir.VectorType(I32, 2 * len(low)), index + [count + k for k in index])
        return builder.shuffle_vector(x, y, both)

    return builder.fadd(shuffled(0), shuffled(width // 2))


def _total(builder: ir.IRBuilder, lanes: ir.Value) -> ir.Value:
    for count in (8, 4, 2, 1):
        index = ir.VectorType(I32, count)
        low = builder.shuffle_vector(lanes, lanes, ir.Constant(index, [*range(count)]))
        high = builder.shuffle_vector(lanes, lanes, ir.Constant(index, [*range(count, 2 * count)]))
        lanes = builder.fadd(low, high)
    return builder.extract_element(lanes, ir.Constant(I32, 0))


@intrinsic
def store_sums(
    typingctx: Any, array: Any, start: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any
) -> Any:
    """array[start:start + 9] = the sums over the lanes of nine vectors, by a tree that transposes while it adds."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        array, start, *vectors = values
        eight, last = vectors[:8], vectors[8]
        for width in (16, 8, 4):
            eight = [_halves_added(builder, eight[k], eight[k + 1], width) for k in range(0, len(eight), 2)]
        pairs = eight[0]  # eight sums, two lanes each
        even, odd = (ir.Constant(ir.VectorType(I32, 8), [*range(k, COUNT, 2)]) for k in (0, 1))
        sums = builder.fadd(builder.shuffle_vector(pairs, pairs, even), builder.shuffle_vector(pairs, pairs, odd))
        kind = sig.args[0]
        pointer = element_pointer(context, builder, kind, array, start, ir.VectorType(ir.FloatType(), 8))
        builder.store(sums, pointer, align=4)
        ninth = builder.add(start, ir.Constant(I64, 8))
        pointer = element_pointer(context, builder, kind, array, ninth, ir.FloatType())
        builder.store(_total(builder, last), pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, INDEX, a, b, c, d, e, f, g, h, i), lower


@intrinsic
def prefetch(typingctx: Any, array: Any, index: Any, write: Any) -> Any:
    """Hint that the cache line of `array[index]` will be read (write = 0) or written (1) soon."""
    if not isinstance(write, types.IntegerLiteral):
        raise RequireLiteralValue("write must be a literal 0 or 1")
    written = write.literal_value

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        pointer = element_pointer(context, builder, sig.args[0], values[0], values[1], ir.IntType(8))
        hints = [ir.Constant(I32, k) for k in (written, 3, 1)]  # read or write, keep in every cache level, data
        call(builder, "llvm.prefetch.p0i8", ir.VoidType(), [pointer, *hints])
        return context.get_dummy_value()

    return types.void(array, INDEX, write), lower
