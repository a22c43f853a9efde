"""Lanes to and from flat arrays: rows, columns, image blocks, compression, horizontal sums, prefetch.

Indices count elements of a C-contiguous one-dimensional array. Nothing checks bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
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
def load_columns(typingctx: Any, array: Any, start: Any, columns: Any) -> Any:
    """16 rows of `columns` (a literal) numbers from `array[start]` on, as a tuple of one vector per column."""
    if not isinstance(columns, types.IntegerLiteral):
        raise RequireLiteralValue("columns must be a literal")
    count = columns.literal_value
    result = types.UniTuple(LANES, count)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        rows = ir.VectorType(ir.FloatType(), COUNT * count)
        pointer = element_pointer(context, builder, sig.args[0], values[0], values[1], rows)
        together = builder.load(pointer, align=4)
        vectors = [_shuffled(builder, together, together, range(k, COUNT * count, count)) for k in range(count)]
        return context.make_tuple(builder, result, vectors)

    return result(array, INDEX, columns), lower


@intrinsic
def load_table(typingctx: Any, array: Any, start: Any) -> Any:
    """16 rows of 16 numbers from `array[start]` on, as a tuple of 16 columns."""
    result = types.UniTuple(LANES, COUNT)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        rows = []
        for k in range(COUNT):
            index = builder.add(values[1], ir.Constant(I64, COUNT * k))
            rows.append(builder.load(element_pointer(context, builder, sig.args[0], values[0], index, FLOATS), align=4))
        return context.make_tuple(builder, result, _transposed(builder, rows))

    return result(array, INDEX), lower


@intrinsic
def store_table(typingctx: Any, array: Any, start: Any, columns: Any) -> Any:
    """Write 16 rows of 16 numbers from `array[start]` on; columns is a tuple of 16 vectors."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        array, start, columns = values
        for k, row in enumerate(_transposed(builder, _unpacked(builder, columns))):
            index = builder.add(start, ir.Constant(I64, COUNT * k))
            builder.store(row, element_pointer(context, builder, sig.args[0], array, index, FLOATS), align=4)
        return context.get_dummy_value()

    return types.void(array, INDEX, columns), lower


@intrinsic
def store_columns(typingctx: Any, array: Any, start: Any, columns: Any) -> Any:
    """Write 16 rows of 1, 3 or 4 numbers from `array[start]` on; columns is a tuple of vectors.

    They are rounded towards zero where the array holds int32.
    """

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        array, start, columns = values
        vectors = _unpacked(builder, columns)
        if sig.args[0].dtype == types.int32:
            vectors = [builder.fptosi(vector, INTS) for vector in vectors]
        rows = _interleaved(builder, vectors)
        builder.store(rows, element_pointer(context, builder, sig.args[0], array, start, rows.type), align=4)
        return context.get_dummy_value()

    return types.void(array, INDEX, columns), lower


@intrinsic
def store_block(typingctx: Any, image: Any, start: Any, stride: Any, channels: Any) -> Any:
    """Write a block of 4 x 4 px, interleaved channels (a tuple of 1 or 3); rows begin `stride` elements apart."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        image, start, stride, channels = values
        vectors = _unpacked(builder, channels)
        for row in range(4):
            pixels = _interleaved(builder, [_shuffled(builder, v, v, range(4 * row, 4 * row + 4)) for v in vectors])
            index = builder.add(start, builder.mul(stride, ir.Constant(I64, row)))
            pointer = element_pointer(context, builder, sig.args[0], image, index, pixels.type)
            builder.store(pixels, pointer, align=4)
        return context.get_dummy_value()

    return types.void(image, INDEX, INDEX, channels), lower


@intrinsic
def load_block(typingctx: Any, image: Any, start: Any, stride: Any, channels: Any) -> Any:
    """A block of 4 x 4 px of an image with interleaved `channels` (literal 1 or 3), as a tuple of vectors."""
    if not isinstance(channels, types.IntegerLiteral):
        raise RequireLiteralValue("channels must be a literal")
    count = channels.literal_value
    result = types.UniTuple(LANES, count)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        image, start, stride, _ = values
        rows = []
        for row in range(4):
            index = builder.add(start, builder.mul(stride, ir.Constant(I64, row)))
            pixels = ir.VectorType(ir.FloatType(), 4 * count)
            pointer = element_pointer(context, builder, sig.args[0], image, index, pixels)
            rows.append(builder.load(pointer, align=4))
        size = 4 * count
        first, second = (_shuffled(builder, rows[k], rows[k + 1], range(2 * size)) for k in (0, 2))
        vectors = [
            _shuffled(builder, first, second, [row * size + x * count + k for row in range(4) for x in range(4)])
            for k in range(count)
        ]
        return context.make_tuple(builder, result, vectors)

    return result(image, INDEX, INDEX, channels), lower


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
        # Compressed in a register: a compressing store is microcode on AMD's Zen 4, some 140 cycles.
        pointer = element_pointer(context, builder, sig.args[0], target, at, INTS)
        name = "llvm.experimental.vector.compress.v16i32"
        builder.store(call(builder, name, INTS, [items, mask, ir.Constant(INTS, ir.Undefined)]), pointer, align=4)
        return builder.zext(builder.ctpop(builder.bitcast(mask, I16)), I64)

    return types.int64(target, INDEX, source, INDEX, flags, INDEX), lower


def _shuffled(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, index: Iterable[int]) -> ir.Value:
    """Elements of a, then b, by number."""
    numbers = list(index)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(numbers)), numbers))


def _unpacked(builder: ir.IRBuilder, values: ir.Value) -> list[ir.Value]:
    vectors: list[ir.Value] = cgutils.unpack_tuple(builder, values)
    return vectors


def _interleaved(builder: ir.IRBuilder, columns: list[ir.Value]) -> ir.Value:
    """1, 3 or 4 vectors as rows in one long vector."""
    if len(columns) == 1:
        return columns[0]
    n = columns[0].type.count
    first = _shuffled(builder, columns[0], columns[1], range(2 * n))
    second = _shuffled(builder, columns[2], columns[-1], range(2 * n))
    return _shuffled(builder, first, second, [column * n + row for row in range(n) for column in range(len(columns))])


def _transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """16 vectors: the off-diagonal quarters of ever smaller squares change places."""
    rows = list(rows)
    for half in (8, 4, 2, 1):
        upper = [lane if not lane & half else COUNT + lane - half for lane in range(COUNT)]
        lower = [lane + half if not lane & half else COUNT + lane for lane in range(COUNT)]
        for k in [k for k in range(COUNT) if not k & half]:
            a, b = rows[k], rows[k + half]
            rows[k], rows[k + half] = _shuffled(builder, a, b, upper), _shuffled(builder, a, b, lower)
    return rows


def _halves_added(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, width: int) -> ir.Value:
    """x and y hold groups of `width` lanes still to be summed: the halves of x's groups added, then of y's."""
    count = x.type.count
    low = [k for group in range(0, count, width) for k in range(group, group + width // 2)]

    high = [k + width // 2 for k in low]
    first, second = (_shuffled(builder, x, y, part + [count + k for k in part]) for part in (low, high))
    return builder.fadd(first, second)


def _total(builder: ir.IRBuilder, lanes: ir.Value) -> ir.Value:
    for count in (8, 4, 2, 1):
        low = _shuffled(builder, lanes, lanes, range(count))
        lanes = builder.fadd(low, _shuffled(builder, lanes, lanes, range(count, 2 * count)))
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
        even, odd = (_shuffled(builder, pairs, pairs, range(k, COUNT, 2)) for k in (0, 1))
        sums = builder.fadd(even, odd)
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
