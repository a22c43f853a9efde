"""Fitting a LoRA to one picture, so that a diffusion model draws exactly that one (DiffMorpher, section 3.1)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

RANK = 16
RATE = 2e-4
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]


def fit_lora(unet: Any, name: str, latents: torch.Tensor, condition: Any, schedule: Any, steps: int) -> list[float]:
    """Train an adapter `name` on latents [1, C, h, w] and return the loss of every step.

    `condition` are keyword arguments of the U-Net; `schedule` adds noise. Deterministic.
    """
    import torch
    from peft import LoraConfig
    from torch.nn.functional import mse_loss

    config = LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights="gaussian", target_modules=TARGETS)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # Several adapters in one model are what is wanted here.
        warnings.filterwarnings("ignore", "Already found a `peft_config`", UserWarning)
        torch.manual_seed(0)
        unet.add_adapter(config, adapter_name=name)
    unet.set_adapter(name)
    unet.requires_grad_(False)
    parameters = [p for n, p in unet.named_parameters() if f".{name}." in n]
    for parameter in parameters:
        parameter.requires_grad_(True)
        # Updates of this size vanish in bfloat16.
        parameter.data = parameter.data.float()
    optimiser = torch.optim.AdamW(parameters, lr=RATE)
    random = torch.Generator().manual_seed(0)
    last = schedule.config.num_train_timesteps
    losses = []
    for _ in range(steps):
        noise = torch.randn(latents.shape, generator=random).to(latents)
        t = torch.randint(0, last, (1,), generator=random).to(latents.device)
        predicted = unet(schedule.add_noise(latents, noise, t), t, **condition).sample
        loss = mse_loss(predicted.float(), noise.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    for parameter in parameters:
        parameter.requires_grad_(False)
    return losses
