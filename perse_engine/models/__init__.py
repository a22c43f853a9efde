"""Pretrained models: which there are, where they lie, how they come there, and how one is loaded and freed."""
