"""Times transformers on one GPU with a language model of random weights: prints one JSON line with
tokens a second of decoding after a context, and of a prompt.

    python transformers_gpu.py CONFIG.json --mode compiled --context 1000 --prompt 2048
"""

import argparse
import json
import statistics
import sys
import time

ROUNDS = 3
NEW_TOKENS = 32


def missing(what):
    print(json.dumps({"missing": what}))
    sys.exit(0)


try:
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM, StaticCache
except ImportError as e:
    missing(f"this Python lacks something: {e}")


def build(path, device):
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path))
    return model.eval()


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(run, device, prepare):
    """The median of some rounds after two that warm up; what prepares them does not count."""
    times = []
    for i in range(ROUNDS + 2):
        prepare()
        synchronize(device)
        start = time.perf_counter()
        run()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--mode", choices=["eager", "compiled"], default="eager")
    parser.add_argument("--context", type=int, default=1000)
    parser.add_argument("--prompt", type=int, default=2048)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        missing("this Python's PyTorch finds no GPU")
    torch.manual_seed(0)
    model = build(options.config, options.device)
    vocabulary = model.config.vocab_size
    length = max(options.prompt, options.context + NEW_TOKENS)

    def fresh_cache():
        return StaticCache(
            config=model.config,
            max_batch_size=1,
            max_cache_len=length,
            device=options.device,
            dtype=torch.bfloat16,
        )

    def positions(first, count):
        return torch.arange(first, first + count, device=options.device)

    def forward(ids, cache, at):
        return model(
            input_ids=ids,
            past_key_values=cache,
            position_ids=at[None],
            cache_position=at,
            use_cache=True,
            logits_to_keep=1,
        ).logits

    prefill_forward = decode_forward = forward
    if options.mode == "compiled":
        prefill_forward = torch.compile(forward, dynamic=False)
        decode_forward = torch.compile(forward, dynamic=False, mode="reduce-overhead")

    prompt = torch.randint(0, vocabulary, (1, options.prompt), device=options.device)
    cache = fresh_cache()

    def prefill():
        prefill_forward(prompt, cache, positions(0, options.prompt))

    # The cache holds the context when half of the tokens are decoded.
    first = options.context - NEW_TOKENS // 2
    context = prompt[:, :first]
    steps = [positions(first + i, 1) for i in range(NEW_TOKENS)]

    def fill():
        cache.reset()
        forward(context, cache, positions(0, first))

    def decode():
        token = prompt[:, :1].clone()
        for at in steps:
            logits = decode_forward(token, cache, at)
            token = logits[:, -1:].argmax(-1)

    with torch.inference_mode():
        prefill_seconds = seconds(prefill, options.device, cache.reset)
        decode_seconds = seconds(decode, options.device, fill)
    print(
        json.dumps(
            {
                "engine": f"transformers {transformers.__version__}, torch {torch.__version__}",
                "mode": options.mode,
                "decode": NEW_TOKENS / decode_seconds,
                "prefill": options.prompt / prefill_seconds,
            }
        )
    )


if __name__ == "__main__":
    try:
        main()
    except Exception as e:
        # Installations fail in many ways; the table says which, and goes on.
        missing(f"transformers failed: {e}".split("\n")[0])
