"""Motion: poses and expressions over time; files of it, named clips, capture from video, and animating an avatar."""
