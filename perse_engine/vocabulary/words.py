"""The words of free-text wishes: category -> slot -> value -> phrases that mean it.

The first phrase is how the value is said in a prompt. A phrase that ends in ! also names its category, so that it needs
no noun beside it ("a goatee", "freckles"). Values of the catalogue are words too, they need not be repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping

SlotWords = Mapping[str, Mapping[str, str]]

_HAIR_COLOUR = {
    "black": "black, jet black, raven, ebony",
    "brown": "brown, brunette, chestnut, chocolate, hazel",
    "dark-brown": "dark brown, espresso",
    "light-brown": "light brown, mousy, fair brown",
    "blonde": "blonde, blond, fair, golden, gold, flaxen, sandy, honey, light",
    "light-blonde": "light blonde, platinum, platinum blonde, ash blonde, bleached",
    "ginger": "ginger, auburn, red, redhead!, red haired!, copper, rust, orange",
    "light-ginger": "light ginger, strawberry blonde, strawberry",
    "red": "bright red, dark red, crimson, scarlet, burgundy, cherry red, dyed red",
    "grey": "grey, gray, silver, greying, graying, salt and pepper, pepper and salt",
    "white": "white, snow white, snowy",
    "blue": "blue",
    "pink": "pink",
    "green": "green",
    "dark": "dark, darkened",
}
_CLOTH_COLOUR = {
    "grey": "grey, gray, charcoal",
    "red": "red, crimson, scarlet, burgundy, maroon",
    "navy": "navy, navy blue, dark blue",
    "brown": "brown, tan, camel",
    "black": "black",
    "white": "white, cream, ivory",
    "green": "green, olive",
    "blue": "blue, denim",
    "yellow": "yellow, mustard",
    "pink": "pink",
    "purple": "purple, violet",
    "orange": "orange",
    "beige": "beige, sand",
}
_METAL = {"gold": "gold, golden, brass", "silver": "silver, silvery, steel, chrome, metal, metallic"}

WORDS: Mapping[str, SlotWords] = {
    "hair": {
        "length": {
            "buzz": "buzz cut!, buzzed, buzzcut!, crew cut!, shaved, very short, cropped",
            "short": "short, pixie, shortish",
            "chin": "chin length, jaw length, bob!, bobbed, ear length",
            "shoulder": "shoulder length, shoulder, shoulders, medium length, medium, mid length",
            "long": "long, flowing, longish",
            "waist": "waist length, very long, hip length, extra long",
        },
        "texture": {
            "straight": "straight, sleek, smooth, silky, flat",
            "wavy": "wavy, waves, beachy, wave",
            "curly": "curly, curls!, curled, ringlets!, coily, kinky, frizzy, permed",
        },
        "style": {
            "afro": "afro!",
            "ponytail": "ponytail!, pony tail!",
            "bun": "bun!, top knot!, man bun!",
            "braided": "braided, braids!, plaited, plaits!, cornrows!",
            "fringe": "fringe!, bangs!",
            "mohawk": "mohawk!",
            "dreadlocks": "dreadlocks!, dreads!, locs!",
        },
        "colour": _HAIR_COLOUR,
    },
    "beard": {
        "style": {
            "full": "full, beard and moustache!, moustache and beard!, beard and mustache!, mustache and beard!",
            "stubble": "stubble!, stubbly, stubbled, scruff!, scruffy, unshaven!, 5 oclock shadow!, "
            "five oclock shadow!, designer stubble!, three day",
            "goatee": "goatee!",
            "circle": "circle, door knocker",
            "moustache": "moustache!, mustache!, tache!, walrus!",
            "handlebar": "handlebar, handlebar moustache!, handlebar mustache!",
            "van-dyke": "van dyke!, vandyke!",
            "balbo": "balbo!, anchor",
            "mutton-chops": "mutton chops!, mutton chop!, sideburns!, muttonchops!, whiskers!",
            "chin-strap": "chin strap!, chinstrap!, chin curtain!",
            "soul-patch": "soul patch!",
        },
        "length": {
            "short": "short, trimmed, cropped, close cut",
            "medium": "medium, medium length, grown",
            "long": "long, flowing, grown out",
        },
        "density": {"dense": "dense, thick, bushy, heavy", "sparse": "sparse, thin, patchy, wispy, light"},
        "texture": {"straight": "straight, smooth", "wavy": "wavy", "curly": "curly, curled, frizzy, coily"},
        "colour": {k: v.removesuffix(", light") for k, v in _HAIR_COLOUR.items()},
    },
    "eyebrows": {
        "thickness": {"thick": "thick, heavy, wide", "thin": "thin, slim, narrow, plucked, fine, skinny"},
        "density": {"dense": "dense, bushy, full, filled in", "sparse": "sparse, patchy"},
        "shape": {
            "arched": "arched, curved, raised",
            "straight": "straight, flat, low",
            "angled": "angled, sharp, angry",
            "rounded": "rounded, round, soft",
        },
        "length": {"long": "long, extended", "short": "short"},
        "colour": _HAIR_COLOUR,
    },
    "nose": {
        "width": {"wide": "wide, broad, big, large, flat", "slim": "slim, narrow, thin, slender, fine"},
        "length": {"long": "long", "short": "short, small, little, tiny, button"},
        "tip": {
            "upturned": "upturned, turned up, snub, perky",
            "bulbous": "bulbous, round, rounded, fleshy",
            "pointed": "pointed, pointy, sharp",
            "drooping": "drooping, droopy, hanging",
        },
        "bridge": {
            "aquiline": "aquiline, roman, hooked, crooked, bumpy, bump",
            "concave": "concave, ski slope, scooped",
            "straight": "straight, greek",
        },
        "nostrils": {"flared": "flared nostrils!, flared, wide nostrils!", "narrow": "narrow nostrils!, pinched"},
    },
    "mouth": {
        "fullness": {"full": "full, plump, thick, big, pouty, plumped", "thin": "thin, slim"},
        "width": {"wide": "wide, broad", "narrow": "narrow, small, little"},
        "smile": {
            "smiling": "smiling, smile!, smiley, upturned, happy, grinning",
            "frowning": "frowning, frown!, downturned, sad",
        },
        "shape": {
            "heart": "heart shaped, heart, cupid bow, cupids bow",
            "round": "round, rounded, puckered",
            "flat": "flat, straight",
        },
        "colour": {
            "red": "red, scarlet, crimson, ruby, red lipstick!, lipstick!",
            "rose": "rose, rosy, rose lipstick!",
            "plum": "plum, purple, burgundy, wine, plum lipstick!, dark",
            "pale": "pale, nude, natural, nude lipstick!",
            "brown": "brown, mocha, brown lipstick!",
            "pink": "pink, pink lipstick!",
            "coral": "coral, orange, peach, coral lipstick!",
        },
    },
    "skin": {
        "tone": {
            "pale": "pale, fair, light, porcelain, ivory, white, lighter",
            "tanned": "tanned, tan!, bronzed, sun kissed, suntanned!, sunburnt",
            "olive": "olive, mediterranean",
            "brown": "brown, medium brown, caramel",
            "deep": "deep, deep brown, dark, black, ebony, dark brown",
            "rosy": "rosy, rosy cheeks!, rosy cheeked!, ruddy, red cheeks!, flushed",
        },
        "marks": {"freckled": "freckled, freckles!, freckly, freckle!"},
        "lines": {
            "aged": "aged, wrinkled, wrinkles!, wrinkly, age lines!, lined, old, elderly, older, weathered, "
            "laugh lines!, crows feet!, smile lines!, creased"
        },
        "makeup": {
            "natural": "natural makeup!, light makeup!, subtle makeup!, makeup!",
            "evening": "evening makeup!, full makeup!, glamorous makeup!, heavy makeup!, "
            "glamour makeup!, party makeup!",
            "smoky": "smoky makeup!, smoky eyes!, smokey eyes!, smoky eye!, goth makeup!, gothic makeup!",
        },
        "blush": {
            "pink": "pink blush!, blush!, blusher!, blushing!, rouge!, rose blush!",
            "peach": "peach blush!, coral blush!",
        },
        "shadow": {
            "brown": "brown eye shadow!, eye shadow!, eyeshadow!, brown eyeshadow!",
            "blue": "blue eye shadow!, blue eyeshadow!",
            "green": "green eye shadow!, green eyeshadow!",
            "plum": "plum eye shadow!, purple eye shadow!, purple eyeshadow!, plum eyeshadow!, pink eye shadow!",
            "black": "black eye shadow!, black eyeshadow!, dark eye shadow!, dark eyeshadow!",
        },
    },
    "cloth": {
        "type": {
            "suit": "suit!, blazer!, tuxedo!",
            "v-neck": "v neck!, v neck sweater!",
            "shirt": "shirt!, blouse!",
            "t-shirt": "t shirt!, tshirt!, tee!",
            "hoodie": "hoodie!, hooded sweatshirt!",
            "sweater": "sweater!, jumper!, pullover!, jersey!, cardigan!",
            "turtleneck": "turtleneck!, turtle neck!, polo neck!",
            "jacket": "jacket!, coat!, leather jacket!",
            "dress": "dress!, gown!",
        },
        "pattern": {
            "solid": "solid, plain",
            "striped": "striped, stripes, stripy",
            "plaid": "plaid, checked, tartan, checkered",
            "pinstriped": "pinstriped, pinstripe, pin striped",
            "dotted": "dotted, polka dot, spotted",
        },
        "colour": _CLOTH_COLOUR,
    },
    "hat": {
        "type": {
            "beanie": "beanie!, woolly hat!, knit cap!, knitted cap!, wool hat!, toque!",
            "fedora": "fedora!, trilby!",
            "cap": "cap!, baseball cap!, baseball hat!",
            "cowboy": "cowboy hat!, stetson!, cowboy, western",
            "bucket": "bucket hat!, bucket",
            "beret": "beret!",
            "top-hat": "top hat!, topper!, stovepipe!",
        },
        "colour": _CLOTH_COLOUR,
    },
    "earrings": {
        "type": {
            "hoop": "hoop, hoops!, hooped, ring",
            "stud": "stud, studs!",
            "drop": "drop, dangling, dangly, dangle",
        },
        "material": {"gold": _METAL["gold"], "silver": _METAL["silver"], "pearl": "pearl, pearls", "ruby": "ruby, red"},
        "size": {"small": "small, tiny, little, thin", "medium": "medium", "large": "large, big, huge, long"},
        "style": {"plain": "plain, simple", "twisted": "twisted", "bold": "bold, chunky, thick"},
    },
    "headphones": {
        "type": {"over-ear": "over ear, big, large, studio", "earbud": "earbud, earbuds!, in ear, ear buds!, airpods!"},
        "style": {"headset": "headset!, microphone"},
        "colour": {**_CLOTH_COLOUR, "silver": _METAL["silver"], "gold": _METAL["gold"]},
    },
    "eyeglasses": {
        "shape": {
            "round": "round, circular, rounded, john lennon",
            "square": "square, rectangular, boxy, angular, wayfarer",
            "cat-eye": "cat eye, cats eye",
            "aviator": "aviator, aviators!, pilot",
            "oval": "oval",
        },
        "thickness": {"thin": "thin, fine, wire, slim, delicate, thin rimmed", "thick": "thick, chunky, heavy, bold"},
        "lens": {"dark": "tinted, dark lenses, sunglasses!, shades!, sunnies!, dark glasses!, mirrored"},
        "colour": {
            "black": "black",
            "red": "red",
            "gold": "gold, golden, brass",
            "dark": "dark, tortoise, tortoiseshell, tortoise shell",
            "silver": "silver, metal, steel, wire rimmed, chrome",
            "blue": "blue",
            "brown": "brown, horn, horn rimmed",
        },
    },
}

NOUNS: Mapping[str, str] = {
    # Said in prompts by the first.
    "hair": "hair, haired, hairs, haircut, hairstyle, hairdo, locks, tresses",
    "beard": "beard, facial hair, bearded",
    "eyebrows": "eyebrows, eyebrow, brows, brow, browed",
    "nose": "nose, nosed",
    "mouth": "lips, lip, mouth, lipped, mouthed",
    "skin": "skin, complexion, skin tone, skinned",
    "cloth": "clothes, cloth, clothing, outfit, top, garment",
    "hat": "hat, headwear",
    "earrings": "earrings, earring",
    "headphones": "headphones, headphone",
    "eyeglasses": "eyeglasses, glasses, spectacles, specs, eyeglass, eyewear, frames, bespectacled",
}

ABSENT: Mapping[str, str] = {
    "beard": "clean shaven, cleanshaven, smooth shaven, freshly shaven, beardless, shaven",
    "hair": "bald, hairless, bald headed, balding",
    "hat": "bareheaded, bare headed, hatless",
}
"""Phrases that wish a whole category away; `no` and `without` before its noun do so too."""

IMPLIED: Mapping[str, str] = {
    "blonde": "hair", "blond": "hair", "brunette": "hair", "ginger": "hair", "auburn": "hair", "curly": "hair",
    "wavy": "hair", "freckled": "skin", "tanned": "skin", "wrinkled": "skin", "pale": "skin", "smiling": "mouth",
}  # fmt: skip
"""What an adjective is about when the whole text has no noun: "a smiling blonde woman"."""

DEGREES: Mapping[str, str] = {
    "very": "very, extremely, really, super, ultra, much, far, too, incredibly, a lot, lots, heavily, strongly, extra",
    "slightly": "slightly, slight, a bit, a little, a little bit, somewhat, subtly, mildly, a touch, faintly, lightly, "
    "rather, fairly, bit",
}
NEGATIONS = (
    "no, not, without, remove, never, minus, lose, shave off, take off, non, none, dont, isnt, removed, gone, off"
)
NOT = "not, isnt, non, never"
"""Negations of an adjective; the others are about the noun."""
REMOVED = "removed, gone, off, none"
"""Negations that stand after their noun."""
PEOPLE = "person, man, woman, someone, boy, girl, guy, lady"
BOUNDARIES = "and, with, plus, but, also, or, wearing, wears, as well as, then"
LINKS = "is, are, that, which, in, of, dyed, should, be, being, looks, coloured, colored"
FILLERS = (
    "a, an, the, this, these, those, person, man, woman, someone, boy, girl, guy, lady, his, her, hers, their, my, "
    "your, him, them, me, i, he, she, they, it, its, who, has, have, having, had, want, wants, give, make, put, on, "
    "please, add, change, get, let, s, to, would, like, some, any, all, pair, set, style, styled, kind, sort, colour, "
    "color, shaped, shape, length, look, looking, can, you, more, for, at, by, from, need, grow, put on, head, face, "
    "cheeks, cheek, made, neatly, new, between, both, together, into, so that, take, turn, must, have to"
)
"""Words that change nothing, so they count as understood."""

GRADED: Mapping[str, tuple[str, ...]] = {
    "beard": ("length", "density"),
    "eyebrows": ("thickness", "density", "shape", "length"),
    "nose": ("width", "length", "tip", "bridge", "nostrils"),
    "mouth": ("fullness", "width", "smile", "shape"),
    "skin": ("tone", "marks", "lines"),
}
"""Slots whose values stand for numbers: they may be `very-`, `slightly-` and one `-to-` another."""

REMOVABLE: Mapping[str, tuple[str, ...]] = {"skin": ("marks", "lines"), "mouth": ("smile",)}
"""Slots that can be wished away on their own ("no freckles"): their value is then `none`."""

SAID_AFTER = ("makeup", "blush", "shadow", "nostrils")
"""Slots that a prompt says after the noun, because their phrase is a noun itself."""

DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "hair": {"length": "source-length", "texture": "straight"},
    "beard": {"style": "full"},
}
"""What a variant has when the wish leaves it open; other additive categories take it from the catalogue."""
