"""Writes what the logits processors of the transformers library make of random logits.

Usage: python processors.py FILE    (needs torch, transformers and safetensors)

Case i has logits.i, options.i (temperature, topK, topP, minP, repetitionPenalty), seen.i (ids that
occurred) and processed.i.
"""

import random
import sys

import torch
from safetensors.torch import save_file
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

CASES = 240


def logits(kind, n):
    if kind == "normal":
        return torch.randn(n) * 4
    if kind == "flat":
        return torch.randn(n) * 0.01
    if kind == "ties":
        return torch.randint(-3, 4, (n,)).float()
    if kind == "equal":
        return torch.full((n,), 1.5)
    if kind == "one-hot":
        x = torch.zeros(n)
        x[n // 3] = 40
        return x
    return torch.randn(n) * 400  # huge


def processors(o):
    chain = LogitsProcessorList()
    if o["penalty"] != 1:
        chain.append(RepetitionPenaltyLogitsProcessor(o["penalty"]))
    if o["temperature"] != 1:
        chain.append(TemperatureLogitsWarper(o["temperature"]))
    if o["top_k"] != 0:
        chain.append(TopKLogitsWarper(o["top_k"]))
    if o["top_p"] < 1:
        chain.append(TopPLogitsWarper(o["top_p"]))
    if o["min_p"] > 0:
        chain.append(MinPLogitsWarper(o["min_p"]))
    return chain


def main(path):
    torch.manual_seed(11)
    rng = random.Random(11)
    tensors = {}
    for i in range(CASES):
        kind = ["normal", "flat", "ties", "equal", "one-hot", "huge"][i % 6]
        n = rng.choice([2, 17, 64, 100])
        o = {
            "temperature": rng.choice([1.0, 1.0, 0.7, 0.2, 1.5, 1e-6, 1e10]),
            "top_k": rng.choice([0, 0, 1, 3, 20, 1000]),
            # No fraction of equal tokens meets the limit exactly, where only rounding would decide.
            "top_p": rng.choice([1.0, 0.9037, 0.4731, 0.9537, 0.1173, 1e-6]),
            "min_p": rng.choice([0.0, 0.0, 0.05, 0.5, 1.0]),
            "penalty": rng.choice([1.0, 1.0, 1.3, 0.8]),
        }
        x = logits(kind, n)
        seen = torch.tensor([rng.randrange(n) for _ in range(rng.randrange(1, 8))])
        out = processors(o)(seen[None], x[None].clone())[0]
        tensors[f"logits.{i}"] = x
        tensors[f"seen.{i}"] = seen
        tensors[f"options.{i}"] = torch.tensor(
            [o["temperature"], o["top_k"], o["top_p"], o["min_p"], o["penalty"]], dtype=torch.float64
        )
        tensors[f"processed.{i}"] = out
    save_file(tensors, path)


main(sys.argv[1])
