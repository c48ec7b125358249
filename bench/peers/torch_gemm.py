"""Matrix products of PyTorch on one thread. Reads commands, one a line, and answers each with "cpu-seconds
wall-seconds" of one product:

    f32 M N K     float32 activations and weights
    bf16 M N K    bfloat16 weights, activations come and go as float32
"""

import sys
import time

import torch

# Seconds of products that one answer is the mean of.
AT_LEAST = 0.1

torch.set_num_threads(1)
weights = {}


def product(kind, m, n, k):
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    if (kind, n, k) not in weights:
        weights.clear()
        weights[kind, n, k] = torch.randn(n, k).mul_(0.02).to(dtype)
    w = weights[kind, n, k]
    x = torch.randn(m, k)

    def run():
        return torch.nn.functional.linear(x.to(dtype), w).float()

    return run


def measure(run):
    run()
    times = 0
    wall = time.perf_counter()
    start = time.thread_time()
    while time.thread_time() - start < AT_LEAST:
        run()
        times += 1
    return (time.thread_time() - start) / times, (time.perf_counter() - wall) / times


def main():
    print("ready", flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            kind, m, n, k = line.split()
            print("%.9f %.9f" % measure(product(kind, int(m), int(n), int(k))), flush=True)


if __name__ == "__main__":
    main()
