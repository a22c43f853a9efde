"""Clips by pretrained video models, driven by the rig; see docs/guides/models.md."""
