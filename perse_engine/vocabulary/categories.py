"""Facial attribute categories and the labels of region maps."""

CATEGORIES: tuple[str, ...] = (
    "hair", "beard", "eyebrows", "nose", "mouth", "skin",
    "cloth", "hat", "earrings", "headphones", "eyeglasses",
)  # fmt: skip
"""PERSE's ten categories (section 1.9 of its code: category_dict) and eyeglasses."""

LAYERS: tuple[str, ...] = (
    "skin", "nose", "mouth", "eyebrows", "beard", "cloth", "hair", "earrings", "eyeglasses", "hat", "headphones",
)  # fmt: skip
"""The same from the lowest to the topmost: what lies over others covers them."""

ADDITIVE_CATEGORIES: tuple[str, ...] = ("hat", "earrings", "headphones", "eyeglasses", "hair", "cloth")
"""Categories whose variants may add surface that the source does not have (hair: longer hair; cloth: collars)."""

THIN_CATEGORIES: tuple[str, ...] = ("eyeglasses", "earrings")
"""Additive categories whose objects are wires, a few pixels thick when worn and thinner half way."""

REGION_LABELS: dict[str, int] = {
    "background": 0,
    "skin": 1,
    "hair": 2,
    "eyebrows": 3,
    "sclera": 4,
    "iris": 5,
    "lips": 6,
    "mouth_interior": 7,
    "nose": 8,
    "beard": 9,
    "cloth": 10,
    "eyeglasses": 11,
    "hat": 12,
    "earrings": 13,
    "headphones": 14,
    "ears": 15,
}
"""One label per pixel of a region map: the category or part that is visible there."""
