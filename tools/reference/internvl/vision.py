"""Vision towers with random weights, and their tensors under the published names."""

import math

import torch
import transformers as hf

import parity
from language import reference

BASE = dict(
    hidden_size=36,
    intermediate_size=50,
    num_hidden_layers=3,
    num_attention_heads=3,
    image_size=[56, 56],
    patch_size=[14, 14],
    norm_type="layer_norm",
    attention_bias=True,
    use_qk_norm=False,
    use_mean_pooling=True,
    layer_norm_eps=1e-6,
    hidden_act="gelu",
)


def draw(model, seed):
    parity.draw(model, seed, gain=1.2)
    g = torch.Generator().manual_seed(seed + 5)
    for name, p in model.named_parameters():
        if "position_embedding" in name or "cls_token" in name or "class_embedding" in name:
            p.data.copy_(torch.randn(p.shape, generator=g) * 0.7)
        if "lambda" in name:
            p.data.copy_(0.4 + 0.3 * torch.randn(p.shape, generator=g))


def tower(seed, dtype="f32", **settings):
    config = hf.InternVLVisionConfig(**{**BASE, **settings})
    config._attn_implementation = "eager"
    config.architectures = ["InternVLVisionModel"]
    model = hf.InternVLVisionModel(config).to(torch.float32)
    draw(model, seed)
    parity.store_as(model, dtype)
    return model.eval()


def pixels(seed, n, channels, height, width):
    g = torch.Generator().manual_seed(seed + 2)
    return torch.randn((n, channels, height, width), generator=g)


def states(model, x):
    """The input of the first layer and the output of each."""
    found = []
    hooks = [model.encoder.layer[0].register_forward_pre_hook(lambda m, a: found.append(a[0]))]
    for layer in model.encoder.layer:
        hooks.append(layer.register_forward_hook(lambda m, a, y: found.append(y)))
    with torch.no_grad():
        last = model(pixel_values=x).last_hidden_state
    for h in hooks:
        h.remove()
    return last, found


def forward(out, name, model, seed, note, n=2, size=(56, 56), config=None, renamed=None,
            source=None, dtype="f32", shards=1, pooled=False, model_of=None):
    c = model.config
    x = pixels(seed, n, c.num_channels, *size)
    expected = {}
    if pooled:
        with torch.no_grad():
            r = model(pixel_values=x, output_hidden_states=True)
        last, hidden = r.last_hidden_state, r.hidden_states
        expected["pooler_output"] = r.pooler_output
    else:
        last, hidden = states(model, x)
    expected["last_hidden_state"] = last
    for i, h in enumerate(hidden):
        expected[f"hidden_states.{i}"] = h
    folder = parity.write_case(out, name, "vision.forward",
                               source or reference(type(model).__name__, seed), {},
                               {"pixel_values": x}, expected, note, model=model_of)
    if model_of is None:
        parity.write_model(folder / "model", config or parity.clean(c),
                           renamed or dict(model.state_dict()), dtype, shards)


ORIGINAL = [
    ("embeddings.cls_token", "embeddings.class_embedding"),
    ("embeddings.position_embeddings", "embeddings.position_embedding"),
    ("embeddings.patch_embeddings.projection", "embeddings.patch_embedding"),
    ("encoder.layer.", "encoder.layers."),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("attention.projection_layer", "attn.proj"),
    ("attention.q_norm", "attn.q_norm"),
    ("attention.k_norm", "attn.k_norm"),
    ("lambda_", "ls"),
]


def original_tensors(model):
    out = {}
    state = model.state_dict()
    for k, v in state.items():
        if ".k_proj." in k or ".v_proj." in k:
            continue
        if ".q_proj." in k:
            v = torch.cat([v, state[k.replace("q_proj", "k_proj")],
                           state[k.replace("q_proj", "v_proj")]])
            k = k.replace("attention.q_proj", "attn.qkv")
        for a, b in ORIGINAL:
            k = k.replace(a, b)
        out[k] = v
    return out


def original_config(model):
    c = model.config
    return {
        "architectures": ["InternVisionModel"],
        "model_type": "intern_vit_6b",
        "attention_dropout": 0.0,
        "drop_path_rate": 0.0,
        "dropout": 0.0,
        "hidden_act": c.hidden_act,
        "hidden_size": c.hidden_size,
        "image_size": c.image_size[0],
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": c.intermediate_size,
        "layer_norm_eps": c.layer_norm_eps,
        "norm_type": c.norm_type,
        "num_attention_heads": c.num_attention_heads,
        "num_channels": c.num_channels,
        "num_hidden_layers": c.num_hidden_layers,
        "patch_size": c.patch_size[0],
        "qk_normalization": c.use_qk_norm,
        "qkv_bias": c.attention_bias,
        "use_flash_attn": True,
        "torch_dtype": "float32",
    }


def original_qk_eps(model):
    """The original code takes its own epsilon for the norms of q and k too."""
    for layer in model.encoder.layer:
        layer.attention.q_norm.variance_epsilon = model.config.layer_norm_eps
        layer.attention.k_norm.variance_epsilon = model.config.layer_norm_eps


def clip(seed, **settings):
    config = hf.CLIPVisionConfig(**{**dict(hidden_size=30, intermediate_size=44,
                                           num_hidden_layers=2, num_attention_heads=3,
                                           image_size=40, patch_size=8), **settings})
    config._attn_implementation = "eager"
    config.architectures = ["CLIPVisionModel"]
    model = hf.CLIPVisionModel(config).to(torch.float32)
    draw(model, seed)
    return model.eval()
