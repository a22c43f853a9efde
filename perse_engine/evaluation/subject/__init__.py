"""Measures of a subject's mesh, before any Gaussian is trained: how like the photo it is, and how it moves."""
