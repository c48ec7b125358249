"""Makes the parity cases of whole chat models on tensors: python make_chat.py OUT"""

import sys

import torch
import transformers as hf

import language
import parity
import vision

IMAGE = 140


def build(family, seed, dtype="f32", vision_settings=None, text_settings=None, **settings):
    text = language.FAMILIES[family][0](**{**language.BASE, **(text_settings or {})})
    text.architectures = [language.FAMILIES[family][1].__name__]
    tower = hf.InternVLVisionConfig(**{**vision.BASE, "num_hidden_layers": 2,
                                       **(vision_settings or {})})
    config = hf.InternVLConfig(vision_config=tower, text_config=text, image_token_id=IMAGE,
                               **settings)
    config.architectures = ["InternVLForConditionalGeneration"]
    model = hf.InternVLForConditionalGeneration(config).to(torch.float32)
    parity.draw(model, seed)
    vision.draw(model.model.vision_tower, seed + 1)
    model.tie_weights()
    parity.store_as(model, dtype)
    return model.eval()


def features(model, x):
    """As get_image_features, which cannot take any layer but the last."""
    core, c = model.model, model.config
    last, hidden = vision.states(core.vision_tower, x)
    layer = c.vision_feature_layer
    h = (last if layer == -1 else hidden[layer])[:, 1:]
    side = int(h.shape[1] ** 0.5)
    h = h.reshape(len(h), side, side, -1)
    h = core.pixel_shuffle(h, scale_factor=c.downsample_ratio)
    with torch.no_grad():
        return core.multi_modal_projector(h.reshape(len(h), -1, h.shape[-1]))


def embeddings(model, x, f):
    e = model.get_input_embeddings()(x)
    return e.masked_scatter((x == IMAGE)[:, :, None].expand_as(e), f).detach()


def prompt(seed, tiles, tokens, vocab, lead=3, tail=6):
    """Text, then for each image its visual tokens and text."""
    g = torch.Generator().manual_seed(seed + 7)
    text = lambda n: torch.randint(3, IMAGE, (n,), generator=g)
    parts = [text(lead)]
    for t in tiles:
        parts += [torch.full((t * tokens,), IMAGE), text(2)]
    return torch.cat(parts + [text(tail)])[None]


def case(out, name, model, seed, note, tiles=(1,), new=0, size=(56, 56), config=None, rename=None,
         reorder=None, source=None, dtype="f32", shards=1, model_of=None, arguments=None,
         batch=None, eos=None):
    pixels = vision.pixels(seed, sum(tiles), model.config.vision_config.num_channels, *size)
    f = features(model, pixels)
    if reorder:
        f = reorder(f)
    vocab = model.config.text_config.vocab_size
    source = source or language.reference("InternVLForConditionalGeneration with "
                                          + type(model.model.language_model).__name__, seed)
    arguments = {"num_tiles": list(tiles), **(arguments or {})}
    for attempt in range(50):
        x = prompt(seed + 100 * attempt, tiles, f.shape[1], vocab)
        mask = None
        if batch:
            x, mask = batch(x)
        with torch.no_grad():
            e = embeddings(model, x, f)
            if not new:
                positions = torch.arange(x.shape[1])[None].expand(len(x), -1)
                logits = model(inputs_embeds=e, attention_mask=mask, position_ids=positions).logits
                inputs = {"pixel_values": pixels, "input_ids": x}
                if mask is not None:
                    logits = logits * mask[:, :, None]
                    inputs["attention_mask"] = mask
                    arguments["masked_rows"] = "zero"
                folder = parity.write_case(out, name, "vlm.forward", source, arguments, inputs,
                                           {"image_features": f, "logits": logits}, note,
                                           model=model_of)
                break
            r = model.generate(inputs_embeds=e, attention_mask=torch.ones_like(x), do_sample=False,
                               max_new_tokens=new, eos_token_id=eos, pad_token_id=0,
                               output_logits=True, return_dict_in_generate=True)
        leads = [float(t[0] - t[1]) for t in (s[0].topk(2).values for s in r.logits)]
        if min(leads) >= 0.02:
            folder = parity.write_case(
                out, name, "vlm.generate", source,
                {"max_new_tokens": new, "eos_token_id": eos, **arguments},
                {"pixel_values": pixels, "input_ids": x}, {"generated_ids": r.sequences[0]}, note,
                exact=["generated_ids"], model=model_of)
            break
    else:
        raise RuntimeError(name + ": every prompt comes near a tie")
    if model_of is None:
        t = dict(model.state_dict())
        if model.config.text_config.tie_word_embeddings:
            t.pop("lm_head.weight", None)
        if rename:
            t = rename(t)
        parity.write_model(folder / "model", config or parity.clean(model.config), t, dtype, shards)


def older(t):
    out = {}
    for k, v in t.items():
        k = k.replace("model.language_model.", "language_model.model.")
        k = k.replace("model.vision_tower.", "vision_tower.")
        k = k.replace("model.multi_modal_projector.", "multi_modal_projector.")
        out["language_model.lm_head.weight" if k == "lm_head.weight" else k] = v
    return out


def original(model):
    def rename(t):
        out = {"vision_model." + k: v
               for k, v in vision.original_tensors(model.model.vision_tower).items()}
        for k, v in t.items():
            if "vision_tower" in k:
                continue
            k = k.replace("model.language_model.", "language_model.model.")
            for a, b in (("layer_norm", "0"), ("linear_1", "1"), ("linear_2", "3")):
                k = k.replace("model.multi_modal_projector." + a, "mlp1." + b)
            out["language_model.lm_head.weight" if k == "lm_head.weight" else k] = v
        return out
    return rename


def original_config(model, **more):
    c = model.config
    return {
        "architectures": ["InternVLChatModel"],
        "model_type": "internvl_chat",
        "downsample_ratio": c.downsample_ratio,
        "dynamic_image_size": True,
        "force_image_size": c.vision_config.image_size[0],
        "select_layer": c.vision_feature_layer,
        "template": "internvl2_5",
        "use_thumbnail": True,
        "ps_version": "v2",
        "llm_config": parity.clean(c.text_config),
        "vision_config": vision.original_config(model.model.vision_tower),
        **more,
    }


def transposed(f):
    """The transposed grid of ps_version v1."""
    side = int(f.shape[1] ** 0.5)
    return f.reshape(len(f), side, side, -1).transpose(1, 2).reshape(f.shape)


def padded(side):
    def batch(x):
        """The prompt, and a second row of text alone with padding."""
        n = x.shape[1]
        mask = torch.ones(2, n, dtype=torch.int64)
        row = torch.arange(n) % 60 + 3
        if side == "left":
            mask[1, : n // 2] = 0
        else:
            mask[1, n // 2 :] = 0
        return torch.cat((x, (row * mask[1])[None])), mask
    return batch


def main(out):
    m = build("llama", 201, vision_settings={"norm_type": "rms_norm", "use_qk_norm": True,
              "attention_bias": False}, text_settings={"attention_bias": True})
    case(out, "chat-llama", m, 201, "biases; images of 1, 3 and 2 tiles", tiles=(1, 3, 2))
    case(out, "chat-llama-batch-left", m, 202, "two rows, left padding", tiles=(2,),
         batch=padded("left"), model_of="../chat-llama/model")
    case(out, "chat-llama-batch-right", m, 203, "two rows, right padding", tiles=(2,),
         batch=padded("right"), model_of="../chat-llama/model")
    case(out, "chat-llama-generate", m, 204, "greedy", tiles=(2, 1), new=20,
         model_of="../chat-llama/model")
    case(out, "chat-llama-resize", m, 205, "tiles of 84 pixels on a table of 56", tiles=(2,),
         size=(84, 84), model_of="../chat-llama/model")
    m = build("qwen2", 206, vision_feature_layer=-2, text_settings={"tie_word_embeddings": True})
    case(out, "chat-layer-minus-2", m, 206, "vision_feature_layer -2, tied")
    m = build("qwen2", 207, vision_feature_layer=1, projector_hidden_act="relu")
    case(out, "chat-layer-1", m, 207, "vision_feature_layer 1, projector relu")
    m = build("qwen2", 208, vision_feature_layer=2,
              vision_settings={"use_mean_pooling": False})
    case(out, "chat-layer-last-positive", m, 208,
         "vision_feature_layer names the last state: no final norm")
    m = build("qwen2", 209, vision_settings={"use_mean_pooling": False})
    case(out, "chat-final-norm", m, 209, "final norm of the tower")
    m = build("qwen3", 210, downsample_ratio=0.25, dtype="bf16",
              text_settings={"head_dim": 12, "attention_bias": True})
    case(out, "chat-quarter", m, 210, "downsample_ratio 0.25, Qwen3 with biases, bf16 shards",
         tiles=(2, 1), dtype="bf16", shards=3)
    case(out, "chat-quarter-generate", m, 211, "greedy", tiles=(2, 1), new=16, eos=[3, 4],
         model_of="../chat-quarter/model")
    m = build("llama", 212, downsample_ratio=1.0)
    case(out, "chat-full", m, 212, "downsample_ratio 1")
    m = build("qwen3", 213, dtype="f16", text_settings={"head_dim": 8})
    case(out, "chat-older-names", m, 213, "older names, f16", dtype="f16", rename=older,
         tiles=(3,))
    m = build("qwen2", 214, text_settings={"tie_word_embeddings": True})
    c = parity.clean(m.config)
    c["text_config"]["architectures"] = ["Qwen2Model"]
    c["vision_config"].pop("model_type")
    c["text_config"].pop("tie_word_embeddings")
    case(out, "chat-older-tied", m, 214, "older names without a head", rename=older, config=c)
    m = build("llama", 215, text_settings={
        "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}, "max_position_embeddings": 24})
    case(out, "chat-dynamic", m, 215, "dynamic rope past its length", tiles=(6,))
    m = build("qwen2", 216, vision_settings={"image_size": [84, 84], "layer_norm_eps": 1e-3})
    source = "transformers InternVLForConditionalGeneration under the original names; seed {}"
    case(out, "chat-original-v1", m, 216, "ps_version v1 by default, 3x3 tokens", tiles=(2,),
         size=(84, 84), config={k: v for k, v in original_config(m).items() if k != "ps_version"},
         rename=original(m), reorder=transposed, arguments={"image_token_id": IMAGE},
         source=source.format(216))
    m = build("qwen3", 217, downsample_ratio=0.25, vision_feature_layer=-2, dtype="bf16",
              vision_settings={"image_size": [112, 112], "norm_type": "rms_norm",
                               "use_qk_norm": True, "attention_bias": False},
              text_settings={"head_dim": 14, "num_key_value_heads": 1})
    case(out, "chat-original-quarter", m, 217, "ratio 0.25 with 2x2 tokens, select_layer -2, bf16",
         tiles=(1, 2), size=(112, 112), config=original_config(m), rename=original(m),
         arguments={"image_token_id": IMAGE}, source=source.format(217), dtype="bf16")
    case(out, "chat-original-quarter-generate", m, 218, "greedy", tiles=(1, 2), new=12,
         size=(112, 112), arguments={"image_token_id": IMAGE}, source=source.format(218),
         model_of="../chat-original-quarter/model")
    m = build("qwen2", 219, downsample_ratio=0.25, vision_feature_layer=1,
              vision_settings={"image_size": [112, 112]})
    case(out, "chat-original-quarter-v1", m, 219, "ratio 0.25, v1, select_layer 1", tiles=(2,),
         size=(112, 112), config=original_config(m, ps_version="v1"), rename=original(m),
         reorder=transposed, arguments={"image_token_id": IMAGE}, source=source.format(219))
    phi = dict(num_key_value_heads=4, max_position_embeddings=256,
               original_max_position_embeddings=32, rope_scaling={
                   "type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4],
                   "long_factor": [1.5, 2.0, 3.0, 4.0, 6.0]})
    m = build("phi3", 220, text_settings=phi)
    case(out, "chat-original-phi3", m, 220, "Phi-3 past its original length", tiles=(3, 4),
         config=original_config(m, template="phi3-chat"), rename=original(m),
         arguments={"image_token_id": IMAGE}, source=source.format(220))
    case(out, "chat-original-phi3-generate", m, 221, "long factors from the start", tiles=(3, 4),
         new=12, arguments={"image_token_id": IMAGE}, source=source.format(221),
         model_of="../chat-original-phi3/model")


if __name__ == "__main__":
    main(sys.argv[1])
