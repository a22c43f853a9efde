"""The face mesh of the 468 landmarks: triangles and the left-right map. Computed once, shipped as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Topology:
    """faces [852, 3] int32, consistently oriented; mirror [468] int32, the landmark on the other side."""

    faces: npt.NDArray[np.int32]
    mirror: npt.NDArray[np.int32]


@cache
def load_topology() -> Topology:
    """Read the shipped file.

    MediaPipe's tesselation gives edges only: its 854 three-cliques less the two whose edges are all shared by more
    than two triangles, oriented by propagation; the mirror map is the best matching over several faces.
    """
    with (files("perse_engine.portrait") / "data" / "topology.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        return Topology(data["faces"], data["mirror"])
