"""Files of ready avatars for other programs."""
