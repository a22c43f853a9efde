"""What is said to an image editor about a variant: its own words, and what has to stay."""

from __future__ import annotations

from perse_engine.vocabulary import VariantSpec

INSTRUCTED = ("nose", "mouth", "eyebrows", "skin")
"""Categories whose shape or shade changes with the whole picture in view; others are painted under their mask."""
SHORT_HAIR = "a photo of the same person with a very short haircut, ears and forehead free"
SAME_LENGTH = "source-length"
KEEP = "Keep the same person, face shape, pose, expression, gaze, lighting, camera and background."


def edit_prompt(spec: VariantSpec) -> str:
    """The words for a variant of the catalogue or of a wish, whose `prompt` is made of its slots."""
    if spec.category in INSTRUCTED:
        return f"Change only the {spec.category}: {plain_words(spec)}. {KEEP}"
    return f"A photo of the same person, {plain_words(spec)}, photorealistic, same lighting."


def plain_words(spec: VariantSpec) -> str:
    """The variant's prompt without the word that says to us that hair keeps its length."""
    return spec.prompt.replace(f"{SAME_LENGTH} ", "").replace("source length ", "")


def is_instructed(spec: VariantSpec) -> bool:
    """Whether the editor sees and may change the whole picture, of which the mask is then pasted."""
    return spec.category in INSTRUCTED


def needs_short_hair(spec: VariantSpec) -> bool:
    """Whether the variant is made over a short-hair base, as PERSE does for hair and hat: the old outline of the hair
    would show beside the new one. Hair that keeps its length is only recoloured or restyled in place."""
    if spec.category == "hair":
        keeps_outline = spec.slots.get("length", SAME_LENGTH) == SAME_LENGTH and "style" not in spec.slots
        return not keeps_outline and spec.slots.get("presence") != "none"
    return spec.category == "hat"
