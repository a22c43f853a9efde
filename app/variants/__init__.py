"""Variants that are added to ready avatars."""
