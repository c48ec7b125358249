"""Writes parity cases: a small checkpoint, inputs, and what a reference computed from them."""

import json
import math
import pathlib

import torch
from safetensors.torch import save_file

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def draw(model, seed, head_gain=4.0, gain=1.5):
    """Random weights that keep activations near one and make logits decided."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        z = torch.randn(p.shape, generator=g)
        if p.dim() >= 2 and "embed" in name and "patch" not in name:
            value = z
        elif p.dim() >= 2:
            fan_in = p.numel() / p.shape[0]
            value = z * (head_gain if "lm_head" in name else gain) / math.sqrt(fan_in)
        elif name.endswith("bias"):
            value = z * 0.4
        else:
            value = 1 + 0.3 * z
        p.data.copy_(value)
    return model.eval()


def store_as(model, dtype):
    """Rounds the weights to the stored dtype; the run itself stays in float32."""
    for p in model.parameters():
        p.data.copy_(p.data.to(DTYPES[dtype]).to(torch.float32))


def write_model(folder, config, tensors, dtype="f32", shards=1):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(config, indent=1, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    stored = {k: v.to(DTYPES[dtype]).contiguous().clone() for k, v in tensors.items()}
    if shards == 1:
        save_file(stored, str(folder / "model.safetensors"), metadata={"format": "pt"})
        return
    names = sorted(stored)
    index = {}
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {k: stored[k] for k in names[i::shards]}
        save_file(part, str(folder / file), metadata={"format": "pt"})
        index.update({k: file for k in part})
    size = sum(v.numel() * v.element_size() for v in stored.values())
    whole = {"metadata": {"total_size": size}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(whole, indent=1))


def write_case(out, name, task, source, arguments, inputs, expected, note, exact=(), model=None):
    folder = pathlib.Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    tolerance = {"relative_l2": 1e-4}
    if exact:
        tolerance["exact"] = list(exact)
    case = {
        "name": name,
        "task": task,
        "model": model or "model",
        "source": source,
        "arguments": arguments,
        "tolerance": tolerance,
        "note": note,
    }
    text = json.dumps(case, indent=1, ensure_ascii=False)
    (folder / "case.json").write_text(text + "\n", encoding="utf-8")
    if inputs:
        save_file(plain(inputs), str(folder / "inputs.safetensors"))
    save_file(plain(expected), str(folder / "expected.safetensors"))
    return folder


def plain(tensors):
    return {k: v.detach().contiguous().clone() for k, v in tensors.items()}


def padding(batch, length, style):
    """1 for tokens, 0 for padding; None without padding."""
    if style is None:
        return None
    mask = torch.ones(batch, length, dtype=torch.int64)
    for row in range(batch):
        n = (row * 7 + 3) % (length // 2)
        left = style == "left" or style == "mixed" and row % 2 == 0
        if left:
            mask[row, :n] = 0
        else:
            mask[row, length - n :] = 0
    if style == "holes":
        mask[:, length // 3] = 0
    return mask


def clean(config, drop=()):
    """The config as the library writes it, without what says only how it was run."""
    d = json.loads(config.to_json_string(use_diff=False))
    keep = {}
    for k, v in d.items():
        if k.startswith("_") or k in drop or k in GENERATION_KEYS:
            continue
        if isinstance(v, dict) and k.endswith("_config"):
            v = {i: j for i, j in v.items() if not i.startswith("_") and i not in GENERATION_KEYS}
        keep[k] = v
    return keep


GENERATION_KEYS = {
    "return_dict", "output_hidden_states", "torchscript", "use_bfloat16", "tf_legacy_loss",
    "pruned_heads", "chunk_size_feed_forward", "is_encoder_decoder", "is_decoder",
    "cross_attention_hidden_size", "add_cross_attention", "tie_encoder_decoder", "max_length",
    "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
    "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
    "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
    "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id",
    "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens", "finetuning_task", "id2label", "label2id",
    "tokenizer_class", "prefix", "task_specific_params", "problem_type", "sep_token_id",
    "decoder_start_token_id", "output_attentions",
}
