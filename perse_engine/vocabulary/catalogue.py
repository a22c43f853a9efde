"""The variants that ship with the product: what a user can choose by name.

A variant is described by adjective slots, as PERSE's prompts are; editors turn slots into pictures. The first
variants of a category are the ones that the smaller presets use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class VariantSpec:
    """One edit in a category. `id` is a slug, unique in the category; `slots` are its adjectives."""

    category: str
    id: str
    slots: Mapping[str, str]
    prompt: str


def _hair(length: str, texture: str, colour: str = "", style: str = "") -> VariantSpec:
    slots = {s: w for s, w in (("length", length), ("texture", texture), ("colour", colour), ("style", style)) if w}
    words = " ".join(w for w in (style, length, texture, colour) if w)
    return VariantSpec("hair", "-".join(slots.values()), slots, f"a person with {words} hair")


def _beard(style: str, colour: str, *, length: str = "", texture: str = "") -> VariantSpec:
    slots = {"style": style, "length": length, "texture": texture, "colour": colour}
    slots = {slot: value for slot, value in slots.items() if value}
    words = " ".join(w for w in (length, texture, colour, style.replace("-", " ")) if w)
    return VariantSpec("beard", "-".join(slots.values()), slots, f"a person with a {words} beard")


def _earrings(type: str, material: str, size: str, style: str) -> VariantSpec:
    return VariantSpec(
        "earrings",
        f"{type}-{material}-{size}",
        {"type": type, "material": material, "style": style, "size": size},
        f"a person with {size} {material} {type} earrings",
    )


def _headphones(type: str, colour: str, style: str) -> VariantSpec:
    return VariantSpec(
        "headphones",
        f"{type}-{colour}-{style}",
        {"type": type, "colour": colour, "style": style},
        f"a person with {colour} {type} {style} headphones",
    )


def _cloth(type: str, colour: str, pattern: str, style: str) -> VariantSpec:
    return VariantSpec(
        "cloth",
        f"{type}-{colour}-{pattern}",
        {"type": type, "colour": colour, "pattern": pattern, "style": style},
        f"a person in a {pattern} {colour} {type}",
    )


def _glasses(shape: str, colour: str, *, thickness: str = "", lens: str = "") -> VariantSpec:
    slots = {s: w for s, w in (("shape", shape), ("thickness", thickness), ("lens", lens), ("colour", colour)) if w}
    id = "-".join(w for w in (shape, colour, thickness, lens) if w)
    noun = "sunglasses" if lens == "dark" else "eyeglasses"
    words = " ".join(w.replace("-", " ") for w in (thickness, shape, colour) if w)
    return VariantSpec("eyeglasses", id, slots, f"a person with {words} {noun}")


def _one(category: str, id: str, prompt: str, **slots: str) -> VariantSpec:
    return VariantSpec(category, id, slots, prompt)


CATALOGUE: tuple[VariantSpec, ...] = (
    _hair("long", "wavy", "blonde"),
    _hair("source-length", "straight", "ginger"),
    _hair("source-length", "straight", "black"),
    _hair("long", "straight", "brown"),
    _hair("source-length", "straight", "grey"),
    _hair("source-length", "straight", "blue"),
    _hair("source-length", "curly", "black", "afro"),
    _hair("shoulder", "wavy", "ginger"),
    _hair("buzz", "straight", "dark"),
    _hair("long", "straight", "brown", "ponytail"),
    _one("hair", "bald", "a bald person", presence="none"),
    _hair("chin", "straight", "black"),
    _hair("long", "straight", "black", "braided"),
    _hair("source-length", "curly", "brown"),
    _hair("long", "straight", "blonde", "bun"),
    _hair("waist", "straight", "blonde"),
    _hair("short", "straight", "white"),
    _hair("long", "curly", "ginger"),
    _beard("full", "brown"),
    _beard("stubble", "brown"),
    _beard("goatee", "black"),
    _beard("full", "grey"),
    _beard("moustache", "dark"),
    _beard("van-dyke", "ginger"),
    _beard("full", "ginger", length="long"),
    _beard("mutton-chops", "brown"),
    _beard("balbo", "brown"),
    _beard("circle", "dark"),
    _beard("chin-strap", "black"),
    _beard("full", "black", length="medium", texture="curly"),
    _beard("handlebar", "blonde"),
    _one("eyebrows", "thick-dark", "a person with thick dark eyebrows", thickness="thick", colour="dark"),
    _one("eyebrows", "thin-arched", "a person with thin arched eyebrows", thickness="thin", shape="arched"),
    _one("eyebrows", "blonde", "a person with blonde eyebrows", colour="blonde"),
    _one(
        "eyebrows",
        "thick-straight",
        "a person with thick straight eyebrows",
        thickness="thick",
        shape="straight",
    ),
    _one("eyebrows", "bushy-grey", "a person with bushy grey eyebrows", density="dense", colour="grey"),
    _one("eyebrows", "thick-angled", "a person with thick angled eyebrows", thickness="thick", shape="angled"),
    _one("eyebrows", "thin-rounded", "a person with thin rounded eyebrows", thickness="thin", shape="rounded"),
    _one(
        "eyebrows",
        "dense-long-dark",
        "a person with dense long dark eyebrows",
        density="dense",
        length="long",
        colour="dark",
    ),
    _one("nose", "wide", "a person with a wide nose", width="wide"),
    _one("nose", "slim-long", "a person with a slim long nose", width="slim", length="long"),
    _one("nose", "short-upturned", "a person with a short upturned nose", length="short", tip="upturned"),
    _one("nose", "aquiline", "a person with an aquiline nose", bridge="aquiline"),
    _one("nose", "slim-pointed", "a person with a slim pointed nose", width="slim", tip="pointed"),
    _one("nose", "bulbous", "a person with a bulbous nose", tip="bulbous"),
    _one("nose", "concave-upturned", "a person with a concave upturned nose", bridge="concave", tip="upturned"),
    _one("nose", "wide-flared", "a person with a wide nose, flared nostrils", width="wide", nostrils="flared"),
    _one("mouth", "full-red", "a person with full red lips", fullness="full", colour="red"),
    _one("mouth", "thin-pale", "a person with thin pale lips", fullness="thin", colour="pale"),
    _one("mouth", "wide-rose", "a person with a wide mouth and rose lips", width="wide", colour="rose"),
    _one("mouth", "full-plum", "a person with full plum lips", fullness="full", colour="plum"),
    _one("mouth", "smiling", "a person with smiling lips", smile="smiling"),
    _one("mouth", "frowning", "a person with frowning lips", smile="frowning"),
    _one("mouth", "heart-pink", "a person with heart shaped pink lips", shape="heart", colour="pink"),
    _one(
        "mouth",
        "narrow-round-coral",
        "a person with a narrow mouth and round coral lips",
        width="narrow",
        shape="round",
        colour="coral",
    ),
    _one("skin", "tanned", "a person with tanned skin", tone="tanned"),
    _one("skin", "pale-freckled", "a person with pale freckled skin", tone="pale", marks="freckled"),
    _one("skin", "deep", "a person with deep brown skin", tone="deep"),
    _one("skin", "rosy", "a person with rosy cheeks", tone="rosy"),
    _one("skin", "aged", "a person with aged skin", lines="aged"),
    _one("skin", "evening-makeup", "a person with evening make-up", makeup="evening"),
    _one("skin", "olive", "a person with olive skin", tone="olive"),
    _one("skin", "freckled", "a person with freckled skin", marks="freckled"),
    _one("skin", "smoky-makeup", "a person with smoky make-up", makeup="smoky"),
    _one("skin", "brown-aged", "a person with brown aged skin", tone="brown", lines="aged"),
    _one("skin", "natural-makeup", "a person with natural make-up", makeup="natural"),
    _one("skin", "blue-shadow", "a person with blue eye shadow and pink blush", blush="pink", shadow="blue"),
    _one("eyeglasses", "round-black", "a person with round black eyeglasses", shape="round", colour="black"),
    _one("eyeglasses", "square-red", "a person with square red eyeglasses", shape="square", colour="red"),
    _one("eyeglasses", "round-gold", "a person with round gold eyeglasses", shape="round", colour="gold"),
    _one(
        "eyeglasses",
        "square-dark",
        "a person with square dark sunglasses",
        shape="square",
        colour="dark",
        lens="dark",
    ),
    _glasses("cat-eye", "black"),
    _glasses("aviator", "gold", lens="dark"),
    _glasses("oval", "silver", thickness="thin"),
    _glasses("rimless", "silver"),
    _glasses("cat-eye", "red", thickness="thick"),
    _glasses("square", "black", thickness="thick"),
    _one("hat", "beanie-grey", "a person with a grey knitted beanie", type="beanie", colour="grey"),
    _one("hat", "fedora-brown", "a person with a brown fedora", type="fedora", colour="brown"),
    _one("hat", "cap-navy", "a person with a navy baseball cap", type="cap", colour="navy"),
    _one("hat", "beanie-red", "a person with a red knitted beanie", type="beanie", colour="red"),
    _one("hat", "cowboy-brown", "a person with a brown cowboy hat", type="cowboy", colour="brown"),
    _one("hat", "bucket-green", "a person with a green bucket hat", type="bucket", colour="green"),
    _one("hat", "top-hat-black", "a person with a black top hat", type="top-hat", colour="black"),
    _one("hat", "beret-red", "a person with a red beret", type="beret", colour="red"),
    _earrings("hoop", "gold", "large", "plain"),
    _earrings("stud", "pearl", "medium", "plain"),
    _earrings("drop", "emerald", "medium", "framed"),
    _earrings("hoop", "silver", "small", "bold"),
    _earrings("drop", "silver", "large", "tear"),
    _earrings("stud", "ruby", "large", "set"),
    _earrings("drop", "pearl", "medium", "tear"),
    _earrings("hoop", "gold", "medium", "twisted"),
    _headphones("over-ear", "black", "classic"),
    _headphones("over-ear", "white", "classic"),
    _headphones("on-ear", "red", "slim"),
    _headphones("over-ear", "silver", "classic"),
    _headphones("on-ear", "black", "slim"),
    _headphones("over-ear", "blue", "headset"),
    _cloth("t-shirt", "navy", "solid", "crew-neck"),
    _cloth("suit", "grey", "solid", "tie"),
    _cloth("hoodie", "green", "solid", "hooded"),
    _cloth("turtleneck", "black", "solid", "folded"),
    _cloth("t-shirt", "red", "striped", "crew-neck"),
    _cloth("shirt", "red", "plaid", "collared"),
    _cloth("v-neck", "blue", "solid", "deep"),
    _cloth("suit", "navy", "pinstriped", "tie"),
)


def variants_of(category: str) -> tuple[VariantSpec, ...]:
    """The catalogue's variants of a category, in the order in which presets take them."""
    return tuple(v for v in CATALOGUE if v.category == category)


def variant_spec(category: str, id: str) -> VariantSpec | None:
    """The variant with this id, or None."""
    return next((v for v in CATALOGUE if v.category == category and v.id == id), None)
