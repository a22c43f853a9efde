"""The CPU backend: tile kernels in numba with explicit 16-lane vectors, forward and analytic backward.

    project  ->  bins  ->  blend                      (forward)
    blend_backward  ->  project_backward              (backward)

`rasterizer.py` strings them together; `layout.py` says what lies in the arrays between them.
"""
