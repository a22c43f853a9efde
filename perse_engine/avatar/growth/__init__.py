"""Growth: variants that are added to a trained avatar. The outline is grow.py."""
