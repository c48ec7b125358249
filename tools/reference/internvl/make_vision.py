"""Makes the parity cases of the vision towers: python make_vision.py OUT"""

import itertools
import sys

import vision
from vision import clip, forward, tower


def transformers_layout(out):
    for i, (bias, qk, norm) in enumerate(
            itertools.product((False, True), (False, True), ("layer_norm", "rms_norm"))):
        m = tower(100 + i, attention_bias=bias, use_qk_norm=qk, norm_type=norm,
                  num_hidden_layers=2, layer_norm_eps=0.05)
        forward(out, f"vit-flags-{i}", m, 100 + i, f"bias {bias}, q/k norm {qk}, {norm}, eps 0.05")
    m = tower(110, use_mean_pooling=False, hidden_size=35, num_attention_heads=5,
              intermediate_size=23)
    forward(out, "vit-final-norm", m, 110, "a norm after the last block, head_dim 7, MLP 23")
    for size in ((84, 84), (28, 28), (28, 84), (70, 42), (56, 56)):
        forward(out, f"vit-final-norm-{size[0]}x{size[1]}", m, 111, "positions resized", n=1,
                size=size, model_of="../vit-final-norm/model")
    forward(out, "vit-partial-patch", m, 112, "pixels beyond the last whole patch are left out",
            n=1, size=(61, 75), model_of="../vit-final-norm/model")
    forward(out, "vit-partial-patch-square", m, 112, "the same, square", n=1, size=(60, 60),
            model_of="../vit-final-norm/model")
    m = tower(113, num_channels=1, patch_size=[5, 5], image_size=[35, 35], hidden_act="quick_gelu")
    forward(out, "vit-one-channel", m, 113, "one channel, patches of 5, quick_gelu", n=3,
            size=(35, 35))
    m = tower(114, hidden_act="gelu_pytorch_tanh", dtype="f16", use_qk_norm=True)
    forward(out, "vit-tanh-f16", m, 114, "tanh gelu, f16 in three shards", dtype="f16", shards=3)
    m = tower(115, dtype="bf16", norm_type="rms_norm", use_qk_norm=True, attention_bias=False)
    t = {k.replace("attention.q_norm", "attn.q_norm").replace("attention.k_norm", "attn.k_norm"): v
         for k, v in m.state_dict().items()}
    forward(out, "vit-converted-qk-norm", m, 115, "q/k norms under the original's name attn",
            dtype="bf16", renamed=t)
    m = tower(116)
    t = {"model.vision_tower." + k: v for k, v in m.state_dict().items()}
    c = {"model_type": "internvl", "vision_config": vision.parity.clean(m.config),
         "text_config": {"model_type": "qwen2"}}
    forward(out, "vit-inside-chat", m, 116, "tower of a chat checkpoint", renamed=t, config=c)
    m = tower(117, image_size=[42, 42], num_attention_heads=1, hidden_size=17,
              intermediate_size=9, num_hidden_layers=1)
    forward(out, "vit-one-head", m, 117, "one head of 17, one layer", n=5, size=(42, 42))


def original_layout(out):
    source = "transformers InternVLVisionModel under the original names; seed {}"
    for i, (bias, qk, norm) in enumerate(
            itertools.product((False, True), (False, True), ("layer_norm", "rms_norm"))):
        m = tower(120 + i, attention_bias=bias, use_qk_norm=qk, norm_type=norm,
                  num_hidden_layers=2, layer_norm_eps=0.05)
        if qk:
            vision.original_qk_eps(m)
        forward(out, f"vit-original-flags-{i}", m, 120 + i,
                f"bias {bias}, q/k norm {qk}, {norm}, eps 0.05", config=vision.original_config(m),
                renamed=vision.original_tensors(m), source=source.format(120 + i),
                n=3 if i % 2 else 1, size=(56, 84) if i % 3 == 0 else (56, 56))
    m = tower(130, image_size=[84, 84])
    c = vision.original_config(m)
    c["image_size"] = 56
    forward(out, "vit-original-outgrown", m, 130, "position table larger than the config says",
            config=c, renamed=vision.original_tensors(m), source=source.format(130),
            size=(84, 84))
    m = tower(131, norm_type="rms_norm", use_qk_norm=True, attention_bias=False)
    c = {k: v for k, v in vision.original_config(m).items()
         if k in ("model_type", "hidden_size", "intermediate_size", "num_attention_heads",
                  "num_hidden_layers", "image_size")}
    forward(out, "vit-original-few-keys", m, 131, "defaults of the 6B kind", config=c,
            renamed=vision.original_tensors(m), source=source.format(131))
    t = {"vision_model." + k: v for k, v in vision.original_tensors(m).items()}
    forward(out, "vit-original-inside", m, 131, "tower of an original chat checkpoint",
            config={"model_type": "internvl_chat", "vision_config": c,
                    "llm_config": {"architectures": ["LlamaForCausalLM"]}},
            renamed=t, source=source.format(131))


def clips(out):
    m = clip(140)
    forward(out, "clip-patch-8", m, 140, "patches of 8, quick_gelu", n=3, size=(40, 40),
            pooled=True)
    m = clip(141, hidden_act="gelu", layer_norm_eps=0.01, patch_size=10, num_channels=1)
    forward(out, "clip-gelu", m, 141, "gelu, eps 0.01, one channel", size=(40, 40), pooled=True)
    m = clip(142, image_size=45)
    forward(out, "clip-partial-patch", m, 142, "45 pixels hold five patches of 8", size=(45, 45),
            pooled=True)
    m = clip(144)
    c = vision.parity.clean(m.config)
    c.pop("model_type")
    c.pop("architectures")
    c = {"model_type": "clip", "architectures": ["CLIPModel"], "vision_config": c}
    forward(out, "clip-whole", m, 144, "the vision part does not state its type", size=(40, 40),
            pooled=True, config=c)
    m = clip(143)
    c = {k: v for k, v in vision.parity.clean(m.config).items()
         if k not in ("hidden_act", "layer_norm_eps", "num_channels")}
    forward(out, "clip-few-keys", m, 143, "defaults", size=(40, 40), pooled=True, config=c)


if __name__ == "__main__":
    for part in (transformers_layout, original_layout, clips):
        part(sys.argv[1])
