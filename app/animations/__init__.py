"""Videos of ready avatars that move."""
