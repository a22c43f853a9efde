"""The released pipelines' own classes with a few thousand random weights each, saved as folders a store can pull from.

Word tables are byte-level and made here: nothing is downloaded, and ids are the same in every run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

NO_CHAT = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
VAE_LEVELS = 4
SIDE = 64


def byte_symbols() -> list[str]:
    """The 256 symbols that byte-level tokenizers write bytes as."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    words = [*byte_symbols(), *(s + "</w>" for s in byte_symbols()), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[], model_max_length=77)


def qwen_tokenizer(special: list[str] | None = None) -> Any:
    from transformers import Qwen2Tokenizer

    words = [*byte_symbols(), "<|endoftext|>", "<|im_start|>", "<|im_end|>", *(special or [])]
    tokenizer = Qwen2Tokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[], model_max_length=4096)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *(special or [])]})
    tokenizer.chat_template = NO_CHAT
    return tokenizer


def text_config(tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=77, projection_dim=32, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16,) * VAE_LEVELS, norm_num_groups=8, latent_channels=4, sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * VAE_LEVELS, up_block_types=("UpDecoderBlock2D",) * VAE_LEVELS,
    )  # fmt: skip


def unet(channels: int, *, is_large: bool) -> Any:
    from diffusers import UNet2DConditionModel

    more: dict[str, Any] = {"cross_attention_dim": 32, "attention_head_dim": 4}
    if is_large:
        more = {
            "cross_attention_dim": 64, "attention_head_dim": (2, 4), "use_linear_projection": True,
            "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 8 * 6 + 32,
        }  # fmt: skip
    return UNet2DConditionModel(
        sample_size=SIDE // 8, in_channels=channels, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
        norm_num_groups=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **more,
    )  # fmt: skip


def schedule() -> Any:
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1, beta_schedule="scaled_linear")


def save_klein(folder: Path) -> None:
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = qwen_tokenizer()
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=3 * 16, timestep_guidance_channels=32, axes_dims_rope=[4, 4, 4, 4], guidance_embeds=False,
    )  # fmt: skip
    encoder = Qwen3ForCausalLM(
        Qwen3Config(
            intermediate_size=32, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, num_key_value_heads=2,
            head_dim=8, vocab_size=len(tokenizer), max_position_embeddings=1024,
        )
    )  # fmt: skip
    autoencoder = AutoencoderKLFlux2(
        sample_size=SIDE, block_out_channels=(8,) * VAE_LEVELS, layers_per_block=1, latent_channels=4,
        norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * VAE_LEVELS,
        up_block_types=("UpDecoderBlock2D",) * VAE_LEVELS,
    )  # fmt: skip
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), text_encoder=encoder.eval(), tokenizer=tokenizer,
        transformer=transformer.eval(), vae=autoencoder.eval(), is_distilled=True,
    )  # fmt: skip
    pipeline.save_pretrained(folder)


def save_qwen_image_edit(folder: Path) -> None:
    from diffusers import (
        AutoencoderKLQwenImage,
        FlowMatchEulerDiscreteScheduler,
        QwenImageEditPlusPipeline,
        QwenImageTransformer2DModel,
    )
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

    seen = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = qwen_tokenizer(seen)
    ids = dict(zip(seen, tokenizer.convert_tokens_to_ids(seen), strict=True))
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    encoder = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                "num_key_value_heads": 2, "rope_parameters": rope, "vocab_size": len(tokenizer),
            },
            vision_config={
                "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
            },
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        )
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=3,
        joint_attention_dim=16, guidance_embeds=False, axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    autoencoder = AutoencoderKLQwenImage(
        base_dim=24, z_dim=4, dim_mult=[1, 2, 4], num_res_blocks=1, temperal_downsample=[False, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    QwenImageEditPlusPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=autoencoder.eval(), text_encoder=encoder.eval(),
        tokenizer=tokenizer, processor=None, transformer=transformer.eval(),
    ).save_pretrained(folder)  # fmt: skip
    # As released: a processor whose class needs torchvision.
    Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56).save_pretrained(folder / "processor")
    index = json.loads((folder / "model_index.json").read_text())
    index["processor"] = ["transformers", "Qwen2VLProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))


def save_lightning_lora(folder: Path) -> None:
    from diffusers import QwenImageEditPlusPipeline, QwenImageTransformer2DModel
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    model = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=3,
        joint_attention_dim=16, guidance_embeds=False, axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    model.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    QwenImageEditPlusPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=get_peft_model_state_dict(model),
        weight_name="Qwen-4steps-V1.0-bf16.safetensors",
    )


def sdxl_parts() -> dict[str, Any]:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer()
    config = text_config(tokenizer)
    return {
        "vae": vae(), "text_encoder": CLIPTextModel(config), "text_encoder_2": CLIPTextModelWithProjection(config),
        "tokenizer": tokenizer, "tokenizer_2": clip_tokenizer(), "scheduler": schedule(), "image_encoder": None,
        "feature_extractor": None, "add_watermarker": False,
    }  # fmt: skip


def save_sdxl_inpaint(folder: Path) -> None:
    from diffusers import StableDiffusionXLInpaintPipeline

    pipeline = StableDiffusionXLInpaintPipeline(
        **sdxl_parts(), unet=unet(9, is_large=True), requires_aesthetics_score=False
    )
    pipeline.save_pretrained(folder, variant="fp16")


def save_sdxl(folder: Path) -> None:
    from diffusers import StableDiffusionXLPipeline

    StableDiffusionXLPipeline(**sdxl_parts(), unet=unet(4, is_large=True)).save_pretrained(folder, variant="fp16")


def save_sd(folder: Path) -> None:
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPTextModel

    tokenizer = clip_tokenizer()
    pipeline = StableDiffusionPipeline(
        vae=vae(), text_encoder=CLIPTextModel(text_config(tokenizer)), tokenizer=tokenizer,
        unet=unet(4, is_large=False), scheduler=schedule(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder, variant="fp16")


def save_lora(folder: Path) -> None:
    from diffusers import StableDiffusionXLInpaintPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    model = unet(9, is_large=True)
    model.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(model))
    StableDiffusionXLInpaintPipeline.save_lora_weights(folder, unet_lora_layers=layers)


def t5_parts() -> dict[str, Any]:
    """What the video models share: words by characters, and a VAE of four frames per latent frame."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
    from transformers import T5Tokenizer, UMT5Config, UMT5EncoderModel

    symbols = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((chr(i), -6.0) for i in range(33, 127))]
    tokenizer = T5Tokenizer(vocab=symbols, extra_ids=0, model_max_length=512)
    config = UMT5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, pad_token_id=0,
        eos_token_id=1, relative_attention_num_buckets=8,
    )  # fmt: skip
    autoencoder = AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    schedule = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)
    return {
        "tokenizer": tokenizer, "text_encoder": UMT5EncoderModel(config).eval(), "vae": autoencoder.eval(),
        "scheduler": schedule,
    }  # fmt: skip


VIDEO_TRANSFORMER: dict[str, Any] = {
    "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12, "out_channels": 16, "text_dim": 32,
    "freq_dim": 256, "ffn_dim": 32, "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads", "rope_max_seq_len": 32,
}  # fmt: skip


def save_wan_animate(folder: Path) -> None:
    from diffusers import WanAnimatePipeline, WanAnimateTransformer3DModel
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    transformer = WanAnimateTransformer3DModel(
        **VIDEO_TRANSFORMER, in_channels=36, latent_channels=16, num_layers=2, image_dim=4,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16}, motion_encoder_size=16, motion_style_dim=8,
        motion_dim=4, motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=4, projection_dim=4, num_hidden_layers=2, num_attention_heads=2, image_size=4,
        intermediate_size=16, patch_size=1,
    )  # fmt: skip
    WanAnimatePipeline(
        **t5_parts(), transformer=transformer.eval(), image_encoder=CLIPVisionModel(vision).eval(),
        image_processor=CLIPImageProcessor(crop_size=4, size=4),
    ).save_pretrained(folder)  # fmt: skip


def save_wan_vace(folder: Path) -> None:
    from diffusers import WanVACEPipeline, WanVACETransformer3DModel

    transformer = WanVACETransformer3DModel(
        **VIDEO_TRANSFORMER, in_channels=16, num_layers=3, vace_layers=[0, 2], vace_in_channels=96
    )
    WanVACEPipeline(**t5_parts(), transformer=transformer.eval()).save_pretrained(folder)


def save_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    tokenizer = clip_tokenizer()
    config = CLIPConfig(
        text_config=text_config(tokenizer).to_dict(), projection_dim=32,
        vision_config={
            "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4,
            "image_size": 32, "patch_size": 8, "projection_dim": 32,
        },
    )  # fmt: skip
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPModel(config).save_pretrained(folder)
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)


SAVERS: dict[str, Callable[[Path], None]] = {
    "flux2-klein-4b": save_klein,
    "sdxl-inpaint": save_sdxl_inpaint,
    "sdxl-lcm-lora": save_lora,
    "qwen-image-edit": save_qwen_image_edit,
    "qwen-image-lightning": save_lightning_lora,
    "wan-animate-14b": save_wan_animate,
    "wan-vace-1.3b": save_wan_vace,
    "sdxl-base": save_sdxl,
    "sd15": save_sd,
    "clip-vit-large": save_clip,
}


def save_tiny_models(folder: Path) -> None:
    """Every model in folder/<name>, from one seed each."""
    for name, save in SAVERS.items():
        torch.manual_seed(0)
        save(folder / name)
