"""Avatars in which networks with no gating decide how properties depend on the codes; all else is as in ours."""
