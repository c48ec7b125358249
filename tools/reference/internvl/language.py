"""Parity cases of the language models."""

import torch
import transformers as hf

import parity

SOURCE = "transformers {} {}, torch {} on CPU, float32; seed {}"


def reference(cls, seed):
    return SOURCE.format(hf.__version__, cls, torch.__version__.split("+")[0], seed)


BASE = dict(
    vocab_size=150,
    hidden_size=40,
    intermediate_size=56,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=512,
    rms_norm_eps=1e-5,
    tie_word_embeddings=False,
    use_cache=True,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)

FAMILIES = {
    "llama": (hf.LlamaConfig, hf.LlamaForCausalLM),
    "qwen2": (hf.Qwen2Config, hf.Qwen2ForCausalLM),
    "qwen3": (hf.Qwen3Config, hf.Qwen3ForCausalLM),
    "phi3": (hf.Phi3Config, hf.Phi3ForCausalLM),
}


def build(family, seed, dtype="f32", silent=(), **settings):
    make_config, make_model = FAMILIES[family]
    config = make_config(**{**BASE, **settings})
    # Eager attention has no causal mask where Phi-3 recomputes its cache.
    config._attn_implementation = "sdpa"
    config.architectures = [make_model.__name__]
    config.torch_dtype = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}[dtype]
    with torch.device("cpu"):
        torch.set_default_dtype(torch.float32)
        model = make_model(config).to(torch.float32)
    parity.draw(model, seed)
    for name, p in model.named_parameters():
        if any(name.endswith(s) for s in silent):
            p.data.zero_()
    model.tie_weights()
    parity.store_as(model, dtype)
    return model


def tensors(model):
    state = {k: v for k, v in model.state_dict().items() if "inv_freq" not in k}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight")
    return state


def ids(seed, batch, length, vocab):
    g = torch.Generator().manual_seed(seed + 1)
    return torch.randint(3, vocab, (batch, length), generator=g)


def forward(out, name, model, seed, note, batch=1, length=20, pad=None, config=None,
            renamed=None, source=None, dtype="f32", shards=1, hidden=True, own=True, model_of=None):
    vocab = model.config.vocab_size
    x = ids(seed, batch, length, vocab)
    mask = parity.padding(batch, length, pad)
    if mask is not None:
        x = torch.where(mask == 1, x, torch.zeros_like(x))
    positions = torch.arange(length)[None].expand(batch, -1)
    with torch.no_grad():
        r = model(input_ids=x, attention_mask=mask, position_ids=positions,
                  output_hidden_states=True, use_cache=False)
    expected = {"logits": r.logits}
    if hidden:
        last = len(r.hidden_states) - 1
        expected["hidden_states.1"] = r.hidden_states[1]
        expected[f"hidden_states.{last}"] = r.hidden_states[last]
    if mask is not None:
        expected = {k: v * mask[:, :, None] for k, v in expected.items()}
    inputs = {"input_ids": x}
    arguments = {}
    if mask is not None:
        inputs["attention_mask"] = mask
        arguments["masked_rows"] = "zero"
    folder = parity.write_case(out, name, "llm.forward",
                               source or reference(type(model).__name__, seed),
                               arguments, inputs, expected, note, model=model_of)
    if model_of is None:
        parity.write_model(folder / "model", config or parity.clean(model.config),
                           renamed or tensors(model), dtype, shards)


def generate(out, name, model, seed, note, length=20, new=20, eos=None, config=None,
             renamed=None, source=None, dtype="f32", model_of=None):
    """Greedy; tries prompts until no step is near a tie."""
    for attempt in range(50):
        x = ids(seed + 1000 * attempt, 1, length, model.config.vocab_size)
        with torch.no_grad():
            r = model.generate(x, attention_mask=torch.ones_like(x), do_sample=False,
                               max_new_tokens=new, eos_token_id=eos, pad_token_id=0,
                               output_logits=True, return_dict_in_generate=True)
        new_ids = r.sequences[0, length:]
        leads = [float(t[0] - t[1]) for t in (s[0].topk(2).values for s in r.logits)]
        if min(leads) >= 0.02 and len(set(new_ids.tolist())) > 2:
            break
    else:
        raise RuntimeError(name + ": every prompt comes near a tie")
    folder = parity.write_case(out, name, "llm.generate",
                               source or reference(type(model).__name__, seed),
                               {"max_new_tokens": new, "eos_token_id": eos},
                               {"input_ids": x}, {"generated_ids": new_ids}, note,
                               exact=["generated_ids"], model=model_of)
    if model_of is None:
        parity.write_model(folder / "model", config or parity.clean(model.config),
                           renamed or tensors(model), dtype)
