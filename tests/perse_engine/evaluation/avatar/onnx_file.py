"""An ONNX file made by hand, so that onnxruntime itself runs in the tests: the mean of each channel of a picture.

Field numbers are those of the format's published onnx.proto.
"""

from __future__ import annotations

FLOAT, OPSET = 1, 13


def mean_model(side_px: int) -> bytes:
    """One input [1, 3, side, side], one output [1, 3, 1, 1]."""
    node = _text(1, "picture") + _text(2, "mean") + _text(4, "GlobalAveragePool")
    graph = (
        _part(1, node) + _text(2, "graph") + _part(11, _value("picture", (1, 3, side_px, side_px)))
        + _part(12, _value("mean", (1, 3, 1, 1)))
    )  # fmt: skip
    return _number(1, 8) + _part(7, graph) + _part(8, _text(1, "") + _number(2, OPSET))


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_part(1, _number(1, n)) for n in shape)
    return _text(1, name) + _part(2, _part(1, _number(1, FLOAT) + _part(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
