"""Names of the MediaPipe face mesh's landmark indices. "Right" is the subject's right, the image's left."""

from __future__ import annotations

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
RIGHT_EYE_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_EYE_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_EYE_UPPER = (263, 466, 388, 387, 386, 385, 384, 398, 362)
LEFT_EYE_LOWER = (263, 249, 390, 373, 374, 380, 381, 382, 362)
RIGHT_EYE = RIGHT_EYE_UPPER + RIGHT_EYE_LOWER[-2:0:-1]
LEFT_EYE = LEFT_EYE_UPPER + LEFT_EYE_LOWER[-2:0:-1]
LIPS_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
LIPS_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
RIGHT_EYEBROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_EYEBROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
RIGHT_IRIS = 468
LEFT_IRIS = 473

MIRROR_PAIRS = (
    (33, 263), (133, 362), (61, 291), (234, 454), (127, 356), (93, 323), (50, 280), (205, 425),
    (70, 300), (105, 334), (58, 288), (172, 397), (159, 386), (145, 374), (78, 308),
)  # fmt: skip
"""(right, left) pairs that span the head's left-right axis."""

SKIN_SEEDS = (
    117, 118, 119, 100, 36, 50, 101, 205, 187, 346, 347, 348, 329, 266, 280, 330, 425, 411,
    6, 197, 195, 5, 4, 151, 9, 8, 200, 199, 194, 418, 206, 426,
)  # fmt: skip
"""Landmarks on bare skin in nearly every photo: cheeks, nose, forehead, chin."""
