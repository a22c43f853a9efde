"""Networks that the caller brings as ONNX files: Perse ships none."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from perse_engine.errors import BackendMissing, InvalidValue


def open_network(model: Path, what: str, inputs: int = 1) -> Any:
    """An onnxruntime session on the CPU; `what` names the network in errors.

    Raises:
        BackendMissing: onnxruntime is not installed, or there is no such file.
        InvalidValue: the file is not an ONNX model, or takes another number of inputs.
    """
    try:
        onnxruntime = import_module("onnxruntime")
    except ImportError as error:
        raise BackendMissing(
            f"A {what} needs onnxruntime, which is not installed.", hint="pip install 'perse[onnx]'"
        ) from error
    if not model.is_file():
        raise BackendMissing(f"There is no file {model.name} for a {what}.", hint="Perse ships none; name your own.")
    data = model.read_bytes()
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except (state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail) as error:
        raise InvalidValue(f"The {what} is not an ONNX model.") from error
    if len(session.get_inputs()) != inputs:
        raise InvalidValue(f"The {what} has {len(session.get_inputs())} inputs; expected {inputs}.")
    return session
