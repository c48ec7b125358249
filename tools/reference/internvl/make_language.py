"""Makes the parity cases of the language models: python make_language.py OUT"""

import sys

import torch

import language
import parity
from language import build, forward, generate


def llama(out):
    forward(out, "llama-biases", build("llama", 11, attention_bias=True, mlp_bias=True), 11,
            "attention_bias with the output projection's, mlp_bias; mixed padding",
            batch=3, length=17, pad="mixed")
    forward(out, "llama-head-dim", build("llama", 12, head_dim=6, hidden_size=44,
            num_attention_heads=6, num_key_value_heads=1), 12,
            "head_dim 6 with 6 heads on hidden 44, one kv head; left padding",
            batch=3, length=19, pad="left")
    forward(out, "llama-narrow", build("llama", 13, hidden_size=18, intermediate_size=7,
            num_attention_heads=3, num_key_value_heads=3, vocab_size=37), 13,
            "widths that fill no vector: hidden 18, MLP 7, vocabulary 37; right padding",
            batch=4, length=33, pad="right")
    forward(out, "llama-act-gelu", build("llama", 14, hidden_act="gelu"), 14, "hidden_act gelu")
    forward(out, "llama-act-tanh", build("llama", 14, hidden_act="gelu_pytorch_tanh"), 14,
            "hidden_act gelu_pytorch_tanh")
    forward(out, "llama-act-relu", build("llama", 14, hidden_act="relu"), 14, "hidden_act relu")
    forward(out, "llama-holes", build("llama", 15), 15, "padding inside the row", batch=2,
            length=21, pad="holes")
    m = build("llama", 16, rope_scaling={"rope_type": "linear", "factor": 2.5}, rope_theta=777.0,
              tie_word_embeddings=True, dtype="bf16")
    forward(out, "llama-linear-tied-bf16", m, 16, "linear 2.5, theta 777, tied, bf16 shards",
            dtype="bf16", shards=2, length=40)
    m = build("llama", 17, rope_scaling={"rope_type": "dynamic", "factor": 3.0},
              max_position_embeddings=32)
    forward(out, "llama-dynamic-above", m, 17, "dynamic 3, 70 of 32", length=70)
    # A new model: the library's keeps the base of the longest sequence that it has seen.
    m = build("llama", 17, rope_scaling={"rope_type": "dynamic", "factor": 3.0},
              max_position_embeddings=32)
    forward(out, "llama-dynamic-at", m, 18, "dynamic, 33 of 32", length=33, batch=2, pad="left",
            model_of="../llama-dynamic-above/model")
    m = build("llama", 17, rope_scaling={"rope_type": "dynamic", "factor": 3.0},
              max_position_embeddings=32)
    generate(out, "llama-dynamic-below", m, 17, "dynamic, below", length=9, new=20,
             model_of="../llama-dynamic-above/model")
    m = build("llama", 19, rope_scaling={"rope_type": "llama3", "factor": 8.0,
              "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 64}, rope_theta=1000.0, head_dim=16)
    forward(out, "llama-llama3", m, 19, "llama3 with all three bands", length=100)
    generate(out, "llama-llama3-generate", m, 19, "llama3", length=60, new=30,
             model_of="../llama-llama3/model")
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    for name, more in {
        "yarn": {},
        "yarn-no-truncate": {"truncate": False},
        "yarn-attention-factor": {"attention_factor": 0.7},
        "yarn-mscale": {"mscale": 0.707, "mscale_all_dim": 1.3},
        "yarn-mscale-one": {"mscale": 0.707},
        "yarn-betas": {"beta_fast": 16.0, "beta_slow": 2.0},
        "yarn-null": {"beta_fast": None, "attention_factor": None},
    }.items():
        m = build("llama", 20, rope_scaling={**yarn, **more}, max_position_embeddings=256,
                  head_dim=16, rope_theta=500.0)
        forward(out, "llama-" + name, m, 20, name, length=100, hidden=False)
    m = build("llama", 21, rope_scaling={"rope_type": "yarn", "factor": 2.0},
              max_position_embeddings=64, head_dim=16, rope_theta=100.0)
    forward(out, "llama-yarn-no-original", m, 21, "yarn without original length", length=80,
            hidden=False)
    m = build("llama", 21, rope_scaling=dict(yarn), max_position_embeddings=256,
              head_dim=16, rope_theta=100.0)
    c = parity.clean(m.config)
    c["original_max_position_embeddings"] = 17
    forward(out, "llama-yarn-stray-original", m, 21, "yarn takes its own original length",
            length=80, hidden=False, config=c)
    generate(out, "llama-yarn-beyond", build("llama", 22, rope_scaling=dict(yarn),
             max_position_embeddings=64, head_dim=16), 22,
             "yarn stretches past max_position_embeddings", length=60, new=30)
    generate(out, "llama-linear-beyond", build("llama", 23,
             rope_scaling={"rope_type": "linear", "factor": 4.0}, max_position_embeddings=32), 23,
             "linear scaling stretches past max_position_embeddings", length=40, new=20)
    generate(out, "llama-plain-beyond", build("llama", 23, max_position_embeddings=32), 23,
             "the reference goes past max_position_embeddings", length=20, new=20)
    lf, sf = [1.5, 2.0, 3.0, 5.0, 8.0], [1.0, 1.1, 1.2, 1.4, 1.9]
    long = {"rope_type": "longrope", "factor": 4.0, "long_factor": lf, "short_factor": sf}
    m = build("llama", 24, rope_scaling=long, max_position_embeddings=48)
    forward(out, "llama-longrope-factor-short", m, 24, "longrope, only factor, 48 of 48",
            length=48, hidden=False)
    forward(out, "llama-longrope-factor-long", m, 24, "longrope, only factor, 49 of 48",
            length=49, hidden=False, model_of="../llama-longrope-factor-short/model")
    m = build("llama", 25, rope_scaling={**long, "attention_factor": 1.25},
              max_position_embeddings=48)
    forward(out, "llama-longrope-attention-factor", m, 25, "attention_factor given", length=30,
            hidden=False)
    # newer spelling of rope settings
    for name, settings in {
        "linear": {"rope_type": "linear", "factor": 2.5},
        "dynamic": {"rope_type": "dynamic", "factor": 2.0},
        "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        "yarn": yarn,
    }.items():
        m = build("llama", 26, rope_scaling=dict(settings), rope_theta=300.0,
                  max_position_embeddings=64, head_dim=16)
        c = parity.clean(m.config, drop=("rope_scaling", "rope_theta", "torch_dtype"))
        c["rope_parameters"] = {**settings, "rope_theta": 300.0}
        c["dtype"] = "float32"
        forward(out, "llama-v5-" + name, m, 26, "rope_parameters: " + name, length=70, config=c,
                hidden=False)
    m = build("llama", 27, rope_scaling={"type": "linear", "factor": 2})
    c = parity.clean(m.config)
    c["rope_scaling"] = {"type": "linear", "factor": 2}
    forward(out, "llama-old-rope-type", m, 27, "type instead of rope_type, whole factor", config=c)
    m = build("llama", 28)
    c = {k: v for k, v in parity.clean(m.config).items()
         if k in ("architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size",
                  "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                  "rms_norm_eps")}
    c["rope_scaling"] = None
    c["head_dim"] = None
    forward(out, "llama-few-keys", m, 28, "few keys, null values", config=c)


def qwen(out):
    m = build("qwen2", 31, rope_scaling={"rope_type": "dynamic", "factor": 2.0},
              max_position_embeddings=40, num_attention_heads=10, num_key_value_heads=1,
              rope_theta=1e6, dtype="f16")
    forward(out, "qwen2-dynamic-f16", m, 31, "head_dim 4, 10 heads on one kv head, f16", length=75,
            batch=2, pad="right", dtype="f16", shards=3)
    m = build("qwen2", 32, rope_scaling={"rope_type": "yarn", "factor": 4.0,
              "original_max_position_embeddings": 64}, max_position_embeddings=256)
    forward(out, "qwen2-yarn", m, 32, "yarn", length=90, batch=2, pad="left")
    generate(out, "qwen2-yarn-generate", m, 32, "yarn", length=50, new=40, eos=[5, 9],
             model_of="../qwen2-yarn/model")
    m = build("qwen2", 33, head_dim=8, hidden_size=50, num_attention_heads=6,
              num_key_value_heads=3, tie_word_embeddings=True)
    forward(out, "qwen2-head-dim", m, 33, "head_dim key, 48 of 50", batch=2, pad="mixed")
    m = build("qwen3", 34, attention_bias=True, head_dim=12, num_key_value_heads=1,
              rms_norm_eps=1e-3)
    forward(out, "qwen3-bias", m, 34, "attention_bias with the output projection's", batch=2,
            pad="mixed")
    generate(out, "qwen3-bias-generate", m, 34, "attention_bias", model_of="../qwen3-bias/model")
    m = build("qwen3", 35, head_dim=6, tie_word_embeddings=True, dtype="bf16",
              rope_scaling={"rope_type": "yarn", "factor": 2.0,
                            "original_max_position_embeddings": 32})
    forward(out, "qwen3-yarn-tied", m, 35, "yarn, tied", length=50, dtype="bf16")
    m = build("qwen3", 36, head_dim=10, rope_scaling={"rope_type": "dynamic", "factor": 2.0},
              max_position_embeddings=24)
    forward(out, "qwen3-dynamic", m, 36, "dynamic", length=50)


def phi3(out):
    def longrope(n, **more):
        return {"type": "longrope", "short_factor": [1.0 + 0.1 * i for i in range(n)],
                "long_factor": [1.2 + 0.9 * i for i in range(n)], **more}
    base = dict(num_key_value_heads=4, original_max_position_embeddings=32,
                max_position_embeddings=256, sliding_window=None)
    m = build("phi3", 41, rope_scaling=longrope(5), **base)
    forward(out, "phi3-padded-long", m, 41, "long factors, padding", batch=2, length=40,
            pad="left")
    forward(out, "phi3-at", m, 42, "32 of 32: short factors", length=32,
            model_of="../phi3-padded-long/model")
    for start, new in ((20, 30), (31, 20), (32, 20), (33, 20)):
        generate(out, f"phi3-cross-{start}", m, 43, "passes the original length while generating",
                 length=start, new=new, model_of="../phi3-padded-long/model")
    m = build("phi3", 44, rope_scaling=longrope(3), partial_rotary_factor=0.6,
              **{**base, "num_key_value_heads": 1, "tie_word_embeddings": True})
    forward(out, "phi3-partial", m, 44, "partial rotary, one kv head, tied", length=25)
    generate(out, "phi3-partial-cross", m, 44, "partial rotary", length=28, new=20,
             model_of="../phi3-partial/model")
    m = build("phi3", 45, partial_rotary_factor=0.4, **{**base, "num_key_value_heads": 2})
    forward(out, "phi3-partial-plain", m, 45, "partial rotary, plain rope", length=40, batch=2,
            pad="right")
    m = build("phi3", 46, rope_scaling=longrope(5), **base)
    m.config.rope_scaling["attention_factor"] = 1.1
    c = parity.clean(m.config)
    m2 = build("phi3", 46, rope_scaling=longrope(5), **base)
    m2.model.rotary_emb.attention_scaling = 1.1
    forward(out, "phi3-attention-factor", m2, 46, "attention_factor", config=c, length=40)
    m = build("phi3", 47, rope_scaling=longrope(5), **base)
    c = parity.clean(m.config)
    c["rope_scaling"]["type"] = "su"
    c["rope_scaling"].pop("rope_type", None)
    forward(out, "phi3-su", m, 47, "the older name su", config=c, length=40, hidden=False)
    m = build("phi3", 48, rope_scaling=longrope(5), **base)
    c = parity.clean(m.config, drop=("rope_scaling", "rope_theta",
                                     "original_max_position_embeddings"))
    c["rope_parameters"] = {**m.config.rope_scaling, "rope_type": "longrope",
                            "rope_theta": 10000.0, "original_max_position_embeddings": 32}
    c["rope_parameters"].pop("type", None)
    forward(out, "phi3-v5", m, 48, "rope_parameters", config=c, length=40, hidden=False)


def internlm2_tensors(m):
    c = m.config
    d = c.hidden_size // c.num_attention_heads
    groups, per = c.num_key_value_heads, c.num_attention_heads // c.num_key_value_heads
    names = {"input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
             "mlp.down_proj": "feed_forward.w2", "self_attn.o_proj": "attention.wo"}
    out = {}
    state = language.tensors(m)
    for k, v in state.items():
        if "k_proj" in k or "v_proj" in k:
            continue
        if "q_proj" in k:
            tail = v.shape[1:]
            q = v.reshape(groups, per, d, *tail)
            kk = state[k.replace("q_proj", "k_proj")].reshape(groups, 1, d, *tail)
            vv = state[k.replace("q_proj", "v_proj")].reshape(groups, 1, d, *tail)
            packed = torch.cat((q, kk, vv), 1).reshape(-1, *tail)
            out[k.replace("self_attn.q_proj", "attention.wqkv")] = packed
            continue
        for a, b in names.items():
            k = k.replace(a, b)
        k = k.replace("model.embed_tokens", "model.tok_embeddings").replace("lm_head", "output")
        out[k] = v
    return out


def internlm(out):
    def config2(m, **more):
        c = parity.clean(m.config, drop=("attention_bias", "mlp_bias", "head_dim",
                                         "pretraining_tp", "attention_dropout"))
        c.update(architectures=["InternLM2ForCausalLM"], model_type="internlm2",
                 auto_map={"AutoConfig": "configuration_internlm2.InternLM2Config"},
                 attn_implementation="eager", bias=False, **more)
        return c
    source = "transformers LlamaForCausalLM with q, k and v packed as InternLM2 has them; seed {}"
    m = build("llama", 51, attention_bias=True, num_attention_heads=10, num_key_value_heads=2,
              rope_scaling={"rope_type": "dynamic", "factor": 2.0}, max_position_embeddings=24)
    forward(out, "internlm2-bias", m, 51, "bias true: wqkv and wo", batch=2, length=37, pad="left",
            config=config2(m) | {"bias": True}, renamed=internlm2_tensors(m),
            source=source.format(51))
    m = build("llama", 52, num_attention_heads=4, num_key_value_heads=4, hidden_size=24,
              rope_scaling={"rope_type": "linear", "factor": 3.0}, tie_word_embeddings=True)
    forward(out, "internlm2-mha-tied", m, 52, "no grouping, linear rope, no head tensor",
            config=config2(m), renamed=internlm2_tensors(m), source=source.format(52))
    m = build("llama", 53, num_attention_heads=6, num_key_value_heads=1, hidden_size=36,
              dtype="bf16")
    forward(out, "internlm2-one-group", m, 53, "one group of six heads, bf16", dtype="bf16",
            config=config2(m), renamed=internlm2_tensors(m), source=source.format(53), batch=2,
            pad="mixed")

    def config3(m, qkv, bias):
        c = parity.clean(m.config, drop=("attention_bias", "mlp_bias", "use_sliding_window",
                                         "layer_types", "sliding_window", "max_window_layers"))
        c.update(architectures=["InternLM3ForCausalLM"], model_type="internlm3", qkv_bias=qkv,
                 bias=bias)
        return c
    source = "transformers {} in the place of InternLM3; seed {}"
    rope = {"rope_type": "dynamic", "factor": 6.0}
    m = build("qwen2", 54, rope_scaling=rope, max_position_embeddings=30, rope_theta=5e7,
              head_dim=12, num_key_value_heads=1)
    forward(out, "internlm3-qkv-bias", m, 54, "qkv_bias alone, dynamic 6, head_dim 12", length=50,
            config=config3(m, True, False), source=source.format("Qwen2ForCausalLM", 54))
    m = build("llama", 55, attention_bias=True, mlp_bias=True, rope_scaling=rope,
              max_position_embeddings=30, rope_theta=5e7)
    forward(out, "internlm3-all-biases", m, 55, "qkv_bias and bias", batch=2, pad="right",
            length=25, config=config3(m, True, True),
            source=source.format("LlamaForCausalLM", 55))
    generate(out, "internlm3-generate", m, 55, "all biases", length=8, new=20,
             model_of="../internlm3-all-biases/model",
             source=source.format("LlamaForCausalLM", 55))
    m = build("llama", 56, attention_bias=True, mlp_bias=True,
              silent=("q_proj.bias", "k_proj.bias", "v_proj.bias"))
    t = {k: v for k, v in language.tensors(m).items()
         if not k.endswith(("q_proj.bias", "k_proj.bias", "v_proj.bias"))}
    forward(out, "internlm3-bias", m, 56, "bias alone", config=config3(m, False, True), renamed=t,
            source=source.format("LlamaForCausalLM", 56))


if __name__ == "__main__":
    torch.manual_seed(0)
    for part in (llama, qwen, phi3, internlm):
        part(sys.argv[1])
