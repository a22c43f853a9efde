"""Self-attention of the picture between, which looks at both ends (DiffMorpher, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

UP_BLOCKS = "up_blocks"
"""Where attention is blended: the decoder's layers, which draw the texture."""


@dataclass
class BlendedAttention:
    """What the processors of a U-Net share: `end` is 0 or 1 while that end is recorded, None while nothing is done
    or, with `t` set, while the middle looks at a mixture of the recorded."""

    end: int | None = None
    t: float | None = None
    recorded: dict[tuple[str, int], Any] = field(default_factory=dict)

    def install(self, unet: Any) -> None:
        """Put processors into the decoder's self-attention of `unet`."""
        from diffusers.models.attention_processor import AttnProcessor2_0

        shared = self

        class Processor(AttnProcessor2_0):
            def __init__(self, name: str) -> None:
                super().__init__()
                self._name = name

            def __call__(
                self, attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, *more: Any, **named: Any
            ) -> Any:
                if encoder_hidden_states is None:
                    encoder_hidden_states = shared.seen(self._name, hidden_states)
                return super().__call__(attn, hidden_states, encoder_hidden_states, *more, **named)

        own = unet.attn_processors
        unet.set_attn_processor({n: Processor(n) if n.startswith(UP_BLOCKS) else p for n, p in own.items()})

    def seen(self, name: str, hidden: Any) -> Any:
        """What a self-attention layer takes keys and values from: its own input when None."""
        if self.end is not None:
            self.recorded[name, self.end] = hidden.detach()
            return None
        if self.t is None:
            return None
        return (1 - self.t) * self.recorded[name, 0] + self.t * self.recorded[name, 1]
