"""Times PyTorch on the vision towers that the project's figures speak of: random weights, one tile,
one thread, CPU time of that thread. Prints one JSON line.

    python towers_torch.py vit-300m --dtype bf16
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

TOWERS = {
    # hidden size, intermediate size, layers, heads, image size, patch size
    "vit-300m": dict(d=1024, m=4096, layers=24, heads=16, image=448, patch=14),
    "clip-l-336": dict(d=1024, m=4096, layers=24, heads=16, image=336, patch=14),
}


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Block(torch.nn.Module):
    """A pre-norm block; InternViT scales what it adds, CLIP does not."""

    def __init__(self, d, m, heads, activation, scaled):
        super().__init__()
        self.heads = heads
        self.activation = activation
        self.norm1 = torch.nn.LayerNorm(d, eps=1e-6)
        self.norm2 = torch.nn.LayerNorm(d, eps=1e-6)
        self.qkv = torch.nn.Linear(d, 3 * d)
        self.proj = torch.nn.Linear(d, d)
        self.fc1 = torch.nn.Linear(d, m)
        self.fc2 = torch.nn.Linear(m, d)
        self.ls1 = torch.nn.Parameter(torch.full([d], 0.1)) if scaled else None
        self.ls2 = torch.nn.Parameter(torch.full([d], 0.1)) if scaled else None

    def forward(self, x):
        n, t, d = x.shape
        qkv = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d)
        a = self.proj(a)
        x = x + (a if self.ls1 is None else a * self.ls1)
        h = self.fc2(self.activation(self.fc1(self.norm2(x))))
        return x + (h if self.ls2 is None else h * self.ls2)


class Tower(torch.nn.Module):
    def __init__(self, d, m, layers, heads, image, patch, clip):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, d, patch, patch, bias=not clip)
        self.cls = torch.nn.Parameter(torch.randn(1, 1, d))
        self.position = torch.nn.Parameter(torch.randn(1, 1 + (image // patch) ** 2, d))
        self.pre_norm = torch.nn.LayerNorm(d, eps=1e-5) if clip else torch.nn.Identity()
        activation = quick_gelu if clip else F.gelu
        self.blocks = torch.nn.Sequential(
            *(Block(d, m, heads, activation, not clip) for _ in range(layers))
        )

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.position
        return self.blocks(self.pre_norm(x))


def build(name, dtype):
    torch.manual_seed(0)
    return Tower(**TOWERS[name], clip=name.startswith("clip")).to(dtype).eval()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tower", choices=TOWERS)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dtype = torch.bfloat16 if options.dtype == "bf16" else torch.float32
    tower = build(options.tower, dtype)
    size = TOWERS[options.tower]["image"]
    pixels = torch.randn(1, 3, size, size).to(dtype)
    seconds = []
    with torch.inference_mode():
        for _ in range(options.rounds + 1):
            start = time.thread_time()
            tower(pixels)
            seconds.append(time.thread_time() - start)
    print(
        json.dumps(
            {
                "engine": "torch " + torch.__version__,
                "tower": options.tower,
                "dtype": options.dtype,
                "threads": 1,
                "rounds": options.rounds,
                "median_seconds": statistics.median(seconds[1:]),
            }
        )
    )


if __name__ == "__main__":
    main()
