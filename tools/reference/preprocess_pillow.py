"""Times the usual InternVL preprocessing: Pillow resize to the tile grid, crop, NumPy normalisation.

Needs Pillow and NumPy. Usage: python preprocess_pillow.py [WIDTHxHEIGHT] [COLUMNSxROWS] [RUNS]

Prints one JSON line with the median CPU seconds of the calling thread, from decoded pixels to pixel_values
[tiles, 3, 448, 448] with a thumbnail.
"""

import json
import statistics
import sys
import time

import numpy as np
import PIL
from PIL import Image

TILE = 448
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def sizes(text):
    return tuple(int(n) for n in text.split("x"))


def tensor(tile):
    x = np.asarray(tile, dtype=np.float32) / np.float32(255)
    return ((x - MEAN) / STD).transpose(2, 0, 1)


def preprocess(image, columns, rows):
    canvas = image.resize((columns * TILE, rows * TILE), Image.Resampling.BICUBIC)
    tiles = [
        canvas.crop((x * TILE, y * TILE, (x + 1) * TILE, (y + 1) * TILE)) for y in range(rows) for x in range(columns)
    ]
    tiles.append(image.resize((TILE, TILE), Image.Resampling.BICUBIC))
    return np.stack([tensor(t) for t in tiles])


def main():
    width, height = sizes(sys.argv[1] if len(sys.argv) > 1 else "4000x3000")
    columns, rows = sizes(sys.argv[2] if len(sys.argv) > 2 else "4x3")
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    seconds = []
    for _ in range(runs + 1):
        start = time.thread_time()
        values = preprocess(image, columns, rows)
        seconds.append(time.thread_time() - start)
    result = {
        "work": f"preprocess {width}x{height} to {len(values)} tiles",
        "thread_cpu_seconds": statistics.median(seconds[1:]),
        "peer": f"Pillow {PIL.__version__}, NumPy {np.__version__}",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
