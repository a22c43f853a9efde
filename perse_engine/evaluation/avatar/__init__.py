"""PERSE's protocol on a trained avatar: reconstruction, in-betweens, leakage, composition, flicker, lids and lips."""
