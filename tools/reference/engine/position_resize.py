"""Writes the reference of resized position tables: PyTorch's bicubic interpolation.

Usage: python position_resize.py FILE    (needs torch and safetensors)
"""

import sys

import torch
from safetensors.torch import save_file

COLS = 3
# grid of the table, then height and width it is resized to
CASES = [(2, 4, 4), (4, 2, 2), (4, 3, 5), (5, 5, 9), (7, 4, 3), (4, 1, 1), (1, 3, 2), (3, 8, 1), (6, 13, 11)]


def main(path):
    torch.manual_seed(5)
    tensors = {}
    for g, height, width in CASES:
        table = torch.randn(1 + g * g, COLS)
        grid = table[1:].reshape(1, g, g, COLS).permute(0, 3, 1, 2)
        made = torch.nn.functional.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
        made = made.reshape(1, COLS, height * width).permute(0, 2, 1)[0]
        key = f"{g}.{height}.{width}"
        tensors["table." + key] = table.contiguous()
        tensors["resized." + key] = torch.cat([table[:1], made]).contiguous()
    save_file(tensors, path)


main(sys.argv[1])
