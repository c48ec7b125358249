"""Makes the image files and the expected pixels that the loader's image tests read.

Needs Pillow 12. Usage: python make_references.py OUTPUT_FOLDER

pixels.csv lists each image file, the width, height and EXIF orientation that Pillow sees, and the CRC-32 of the pixels
that Image.open(file).convert("RGB") gives. resize.csv lists sizes, filter and the CRC-32 of the resized pixels; its
inputs are the bytes of the generator in `noise`, which the test repeats.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 37, 23
OUT = Path(sys.argv[1])
rows = []


def noise(count, seed=1):
    """Bytes 16..23 of the states of a 32-bit linear congruential generator."""
    out = np.empty(count, dtype=np.uint8)
    state = seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out


def picture(width=WIDTH, height=HEIGHT, seed=1):
    """Smooth colours with edges and a little noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    red = 128 + 120 * np.sin(x / 5 + seed)
    green = 128 + 120 * np.cos(y / 4 + x / 9)
    blue = np.where((x // 7 + y // 6) % 2 == 0, 230, 20) + 0 * x
    a = np.stack([red, green, blue], -1) + (noise(width * height * 3, seed).reshape(height, width, 3) % 24 - 12.0)
    return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))


def put(name, data):
    if isinstance(data, io.BytesIO):
        data = data.getvalue()
    (OUT / name).write_bytes(data)
    image = Image.open(io.BytesIO(data))
    pixels = image.convert("RGB")
    rows.append((name, *pixels.size, image.getexif().get(0x0112, 1), zlib.crc32(pixels.tobytes())))


def save(name, image, **options):
    out = io.BytesIO()
    image.save(out, {"jpg": "jpeg"}.get(name.rsplit(".", 1)[1], name.rsplit(".", 1)[1]), **options)
    put(name, out)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


# PNG, written here because Pillow can't write every depth or interlace.


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def filtered(samples, depth):
    """Filtered rows of samples [h, w, channels]; the filter type changes from row to row."""
    height, width, channels = samples.shape
    out = bytearray()
    bpp = max(1, channels * depth // 8)
    above = None
    for y in range(height):
        flat = samples[y].reshape(-1)
        if depth == 16:
            raw = flat.astype(">u2").tobytes()
        elif depth == 8:
            raw = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            raw = np.packbits(bits).tobytes()
        above = above or bytes(len(raw))
        kind = y % 5
        out.append(kind)
        for i, v in enumerate(raw):
            a = raw[i - bpp] if i >= bpp else 0
            b = above[i]
            c = above[i - bpp] if i >= bpp else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append((v - [0, a, b, (a + b) // 2, paeth][kind]) & 255)
        above = raw
    return bytes(out)


def png(name, samples, depth, colour_type, chunks=b"", interlace=False, pieces=1, tail=b""):
    if samples.ndim == 2:
        samples = samples[..., None]
    height, width, _ = samples.shape
    if interlace:
        raw = b"".join(
            filtered(samples[y::dy, x::dx], depth) for x, y, dx, dy in ADAM7 if samples[y::dy, x::dx].size > 0
        )
    else:
        raw = filtered(samples, depth)
    packed = zlib.compress(raw)
    step = -(-len(packed) // pieces)
    idat = b"".join(chunk(b"IDAT", packed[i : i + step]) for i in range(0, len(packed), step))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlace)))
    put(name, b"\x89PNG\r\n\x1a\n" + header + chunks + idat + tail + chunk(b"IEND", b""))


def pngs():
    def grid(maximum, channels=1, seed=3, width=WIDTH, height=HEIGHT):
        v = noise(width * height * channels * 2, seed).astype(np.uint32)
        return ((v[0::2] << 8 | v[1::2]) % (maximum + 1)).reshape(height, width, channels)

    palette = chunk(b"PLTE", noise(3 * 16, 9).tobytes())
    for depth in (1, 2, 4, 8, 16):
        png(f"png-gray-{depth}.png", grid(2**depth - 1), depth, 0)
    png("png-gray-16-low.png", grid(300), 16, 0)
    png("png-gray-4-interlaced.png", grid(15), 4, 0, interlace=True)
    png("png-gray-8-trns.png", grid(255), 8, 0, chunks=chunk(b"tRNS", b"\0\x40"))
    for depth in (1, 2, 4, 8):
        png(f"png-palette-{depth}.png", grid(min(2**depth, 16) - 1), depth, 3, chunks=palette)
    png("png-palette-4-trns-interlaced.png", grid(15), 4, 3, chunks=palette + chunk(b"tRNS", bytes(range(0, 160, 10))), interlace=True)
    png("png-palette-8-beyond.png", grid(40), 8, 3, chunks=palette)
    png("png-rgb-8-trns.png", grid(255, 3), 8, 2, chunks=chunk(b"tRNS", bytes(6)))
    png("png-rgb-8-interlaced.png", grid(255, 3), 8, 2, interlace=True, pieces=7)
    png("png-rgb-16.png", grid(65535, 3), 16, 2)
    png("png-gray-alpha-8.png", grid(255, 2), 8, 4)
    png("png-gray-alpha-16.png", grid(65535, 2), 16, 4)
    png("png-rgba-8.png", grid(255, 4), 8, 6)
    png("png-rgba-16-interlaced.png", grid(65535, 4), 16, 6, interlace=True)
    for width, height in ((1, 1), (2, 5), (3, 2), (5, 1)):
        png(f"png-interlaced-{width}x{height}.png", grid(255, 3, width=width, height=height), 8, 2, interlace=True)
    png("png-gamma-profile.png", grid(255, 3), 8, 2,
        chunks=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"iCCP", b"x\0\0" + zlib.compress(b"not a profile")))
    png("png-exif-late.png", grid(255, 3), 8, 2, tail=chunk(b"eXIf", exif(8).tobytes()[6:]))


def jpegs():
    p = picture()
    for mode in ("4:4:4", "4:2:2", "4:2:0"):
        save(f"jpeg-{mode.replace(':', '')}.jpg", p, quality=85, subsampling=mode)
    save("jpeg-420-progressive.jpg", p, quality=70, subsampling="4:2:0", progressive=True)
    save("jpeg-420-restart.jpg", p, quality=70, subsampling="4:2:0", restart_marker_rows=1)
    for side in ((1, 1), (2, 3), (5, 4), (16, 17)):
        save(f"jpeg-420-{side[0]}x{side[1]}.jpg", picture(*side), quality=85, subsampling="4:2:0")
    save("jpeg-gray.jpg", p.convert("L"), quality=80)
    save("jpeg-gray-progressive.jpg", p.convert("L"), quality=80, progressive=True)
    save("jpeg-rgb.jpg", p, quality=85, keep_rgb=True)
    cmyk = Image.merge("CMYK", [*p.split(), picture(seed=4).split()[0]])
    save("jpeg-cmyk-adobe.jpg", cmyk, quality=85)
    out = io.BytesIO()
    cmyk.save(out, "jpeg", quality=85)
    adobe = out.getvalue()
    at = adobe.index(b"\xff\xeeAdobe"[:2])
    put("jpeg-cmyk-bare.jpg", adobe[:at] + adobe[at + 16 :])
    put("jpeg-ycck.jpg", adobe[: at + 15] + b"\2" + adobe[at + 16 :])
    out = io.BytesIO()
    p.save(out, "jpeg", quality=85, subsampling="4:2:0")
    jfif = out.getvalue()
    assert jfif[2:4] == b"\xff\xe0"
    put("jpeg-420-no-jfif.jpg", jfif[:2] + jfif[20:])
    out = io.BytesIO()
    p.save(out, "jpeg", quality=85, subsampling="4:4:4")
    jfif = out.getvalue()
    put("jpeg-444-no-jfif.jpg", jfif[:2] + jfif[20:])
    put("jpeg-444-adobe-rgb.jpg", jfif[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + jfif[20:])
    odd = {"440": (0x12, 48, 32), "411": (0x41, 64, 16), "410": (0x42, 64, 32)}
    for name, (factors, width, height) in odd.items():
        put(f"jpeg-{name}.jpg", resampled(p, factors))
    for orientation in range(1, 9):
        save(f"jpeg-exif-{orientation}.jpg", picture(8, 5), quality=90, exif=exif(orientation))
    save("jpeg-profile.jpg", p, quality=85, icc_profile=b"not a profile" * 20)
    profile = jfif.index(b"\xff\xdb")
    put("jpeg-profile-incomplete.jpg", jfif[:profile] + b"\xff\xe2\0\x14ICC_PROFILE\0\2\7data" + jfif[profile:])


def resampled(image, factors):
    """A JPEG with luma sampling `factors`, which Pillow can't write: DC-only blocks of flat 8x8 cells."""
    horizontal, vertical = factors >> 4, factors & 15
    ycc = np.asarray(image.convert("YCbCr")).astype(int)
    mcus_x = -(-WIDTH // (8 * horizontal))
    mcus_y = -(-HEIGHT // (8 * vertical))
    # One Huffman table: category n (0..11) has the 4-bit code n; AC: only end of block, code 0.
    dc = bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
    ac = bytes([1] + [0] * 15) + b"\0"
    bits = []

    def write(value, count):
        bits.extend((value >> i) & 1 for i in range(count - 1, -1, -1))

    last = [0, 0, 0]

    def block(component, level):
        difference = level - last[component]
        last[component] = level
        size = abs(difference).bit_length()
        write(size, 4)
        write(difference if difference > 0 else difference + (1 << size) - 1, size)
        write(0, 1)

    def mean(component, x, y, width, height):
        cell = ycc[min(y, HEIGHT - 1) : y + height, min(x, WIDTH - 1) : x + width, component]
        return int(round(cell.mean())) - 128

    for my in range(mcus_y):
        for mx in range(mcus_x):
            for by in range(vertical):
                for bx in range(horizontal):
                    block(0, mean(0, (mx * horizontal + bx) * 8, (my * vertical + by) * 8, 8, 8))
            for c in (1, 2):
                block(c, mean(c, mx * horizontal * 8, my * vertical * 8, horizontal * 8, vertical * 8))
    bits.extend([1] * (-len(bits) % 8))
    scan = np.packbits(np.array(bits, dtype=np.uint8)).tobytes().replace(b"\xff", b"\xff\0")

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    # Every quantiser is 8, so a DC level is a sample level.
    tables = segment(0xDB, b"\0" + b"\x08" * 64)
    frame = segment(0xC0, struct.pack(">BHHB", 8, HEIGHT, WIDTH, 3) + bytes([1, factors, 0, 2, 0x11, 0, 3, 0x11, 0]))
    huffman = segment(0xC4, b"\0" + dc) + segment(0xC4, b"\x10" + ac)
    start = segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0]))
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + jfif + tables + frame + huffman + start + scan + b"\xff\xd9"


def bmps():
    p = picture()
    save("bmp-24.bmp", p)
    save("bmp-gray.bmp", p.convert("L"))
    save("bmp-palette-8.bmp", p.quantize(64))
    save("bmp-1.bmp", p.convert("1"))
    save("bmp-32.bmp", p.convert("RGBA"))
    v = np.asarray(p).astype(np.uint32)

    def bmp(name, bits, body, palette=b"", compression=0, masks=b"", height=HEIGHT, header=40, colours=0):
        fields = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(body), 2835, 2835, colours, 0)
        if header > 40:
            fields += masks + bytes(header - 40 - len(masks))
            masks = b""
        offset = 14 + len(fields) + len(masks) + len(palette)
        put(name, b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + fields + masks + palette + body)

    def padded(array):
        row = array.reshape(array.shape[0], -1)
        return b"".join(r.tobytes() + bytes(-len(r.tobytes()) % 4) for r in row)

    bmp("bmp-24-top-down.bmp", 24, padded(np.asarray(p)[:, :, ::-1]), height=-HEIGHT)
    rgb555 = ((v[..., 0] >> 3) << 10 | (v[..., 1] >> 3) << 5 | v[..., 2] >> 3).astype("<u2")[::-1]
    rgb565 = ((v[..., 0] >> 3) << 11 | (v[..., 1] >> 2) << 5 | v[..., 2] >> 3).astype("<u2")[::-1]
    bmp("bmp-16.bmp", 16, padded(rgb555))
    bmp("bmp-16-555-masks.bmp", 16, padded(rgb555), compression=3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F))
    bmp("bmp-16-565.bmp", 16, padded(rgb565), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    xbgr = ((v[..., 0] << 24) | v[..., 1] << 16 | v[..., 2] << 8 | 7).astype("<u4")[::-1]
    bmp("bmp-32-masks.bmp", 32, padded(xbgr), compression=3, masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00))
    bgra = (v[..., 0] << 16 | v[..., 1] << 8 | v[..., 2] | 0x33000000).astype("<u4")[::-1]
    bmp("bmp-32-v4-alpha.bmp", 32, padded(bgra), compression=3, header=108,
        masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    bmp("bmp-24-v5.bmp", 24, padded(np.asarray(p)[::-1, :, ::-1]), header=124)
    index = np.asarray(p.quantize(16))[::-1]
    entries = b"".join(bytes([*rgb[::-1], 0]) for rgb in noise(48, 5).reshape(16, 3).tolist())
    nibbles = np.pad(index, ((0, 0), (0, 1)))
    bmp("bmp-palette-4.bmp", 4, padded((nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).astype(np.uint8)), palette=entries)
    bmp("bmp-palette-1.bmp", 1, padded(np.packbits(index % 2, axis=1)), palette=entries[:8])
    bmp("bmp-palette-8-short.bmp", 8, padded(index.astype(np.uint8)), palette=entries, colours=16)
    rle8 = bytearray()
    for y, row in enumerate(index.tolist()):
        if y % 2:
            rle8 += bytes([0, WIDTH]) + bytes(row) + bytes(WIDTH % 2)
        else:
            x = 0
            while x < WIDTH:
                n = 1
                while x + n < WIDTH and row[x + n] == row[x]:
                    n += 1
                rle8 += bytes([n, row[x]])
                x += n
        rle8 += b"\0\0"
    bmp("bmp-rle8.bmp", 8, bytes(rle8) + b"\0\1", palette=entries + bytes(240 * 4), compression=1)
    rle4 = bytearray()
    for row in index.tolist():
        for x in range(0, WIDTH, 2):
            pair = row[x : x + 2]
            rle4 += bytes([len(pair), pair[0] << 4 | (pair[1] if len(pair) > 1 else 0)])
        rle4 += b"\0\0"
    bmp("bmp-rle4.bmp", 4, bytes(rle4) + b"\0\1", palette=entries, compression=2)
    bmp("bmp-rle8-delta.bmp", 8, bytes([5, 3, 0, 2, 4, 2, 6, 9, 0, 0] + [37, 1, 0, 0] * (HEIGHT - 3) + [0, 1]), palette=entries + bytes(240 * 4), compression=1)
    core = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 8)
    core_palette = noise(768, 6).tobytes()
    body = padded(index.astype(np.uint8))
    put("bmp-os2.bmp", b"BM" + struct.pack("<IHHI", 26 + 768 + len(body), 0, 0, 26 + 768) + core + core_palette + body)


def gifs():
    p = picture()
    save("gif-256.gif", p.quantize(256))
    save("gif-interlaced.gif", p.quantize(64), interlace=True)
    save("gif-flat.gif", p.quantize(64), interlace=False)
    save("gif-gray.gif", p.convert("L"))
    save("gif-1.gif", p.convert("1"))
    save("gif-transparent.gif", p.quantize(32), transparency=3)
    save("gif-animated.gif", p.quantize(32), save_all=True, append_images=[picture(seed=7).quantize(32)], loop=0, duration=50)
    small = picture(9, 7).quantize(8)
    out = io.BytesIO()
    small.save(out, "gif", transparency=2)
    plain = out.getvalue()

    def on_screen(name, width, height, left, top, source):
        data = bytearray(source)
        data[6:10] = struct.pack("<HH", width, height)
        at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 128 else 0)
        while data[at] == 0x21:
            at += 2
            while data[at]:
                at += data[at] + 1
            at += 1
        assert data[at] == 0x2C
        data[at + 1 : at + 5] = struct.pack("<HH", left, top)
        put(name, bytes(data))

    on_screen("gif-offset-transparent.gif", 15, 12, 3, 4, plain)
    out = io.BytesIO()
    small.save(out, "gif")
    on_screen("gif-offset.gif", 15, 12, 3, 4, out.getvalue())
    on_screen("gif-beyond-screen.gif", 5, 5, 2, 1, out.getvalue())
    local = bytearray(out.getvalue())
    size = 3 << ((local[10] & 7) + 1)
    table = bytes(local[13 : 13 + size])
    at = local.index(b"\x2c", 13 + size)
    flags = local[10] & 7
    local[10] &= 0x70
    local[at + 9] = local[at + 9] & 0x40 | 0x80 | flags
    put("gif-local-palette.gif", bytes(local[:13] + local[13 + size : at + 10] + table + local[at + 10 :]))
    local[at + 9] &= 0x40
    put("gif-no-palette.gif", bytes(local[:13] + local[13 + size : at + 10] + local[at + 10 :]))


def webps():
    p = picture(48, 40)
    save("webp-lossless.webp", p, lossless=True)
    rgba = p.copy()
    rgba.putalpha(picture(48, 40, 5).split()[0])
    save("webp-lossless-alpha.webp", rgba, lossless=True, exact=True)
    save("webp-lossy.webp", p, quality=80)
    save("webp-lossy-odd.webp", picture(37, 23), quality=90)
    save("webp-lossy-alpha.webp", rgba, quality=80, exact=True)
    save("webp-lossy-exif.webp", p, quality=60, exif=exif(6))
    save("webp-lossless-2.webp", p.quantize(2).convert("RGB"), lossless=True)
    save("webp-lossless-4.webp", p.quantize(4).convert("RGB"), lossless=True)
    save("webp-lossless-13.webp", p.quantize(13).convert("RGB"), lossless=True)
    save("webp-lossless-200.webp", p.quantize(200).convert("RGB"), lossless=True)
    save("webp-lossless-smooth.webp", picture(90, 70).resize((96, 80), 3), lossless=True, method=6)
    save("webp-lossless-flat.webp", Image.new("RGB", (31, 9), (9, 200, 77)), lossless=True)
    for quality in (0, 30):
        save(f"webp-lossy-{quality}.webp", picture(50, 34), quality=quality, method=6)
    save("webp-lossy-large.webp", picture(200, 150), quality=60)
    save("webp-lossless-large.webp", picture(200, 150).quantize(99).convert("RGB"), lossless=True)
    save("webp-lossy-1x1.webp", picture(1, 1), quality=80)
    save("webp-lossy-animated.webp", p, save_all=True, append_images=[picture(48, 40, 7)], duration=50, quality=70)
    out = io.BytesIO()
    p.save(out, "webp", save_all=True, append_images=[picture(48, 40, 7)], duration=50, quality=70)
    canvas = bytearray(out.getvalue())
    canvas[24:30] = bytes([59, 0, 0, 49, 0, 0])
    frame = canvas.index(b"ANMF") + 8
    canvas[frame : frame + 6] = bytes([3, 0, 0, 2, 0, 0])
    put("webp-animated-offset.webp", bytes(canvas))
    save("webp-animated.webp", p, save_all=True, append_images=[picture(48, 40, 7)], duration=50, lossless=True)


def resizes():
    lines = []
    filters = {"LANCZOS": 1, "BILINEAR": 2, "BICUBIC": 3, "BOX": 4}
    sizes = [
        (1, 1, 28, 28), (1, 1, 1, 7), (2, 1, 1, 1), (1, 9, 5, 1), (5, 3, 112, 84), (64, 48, 64, 20), (64, 48, 20, 48),
        (64, 48, 64, 48), (97, 61, 56, 56), (97, 61, 13, 150), (300, 7, 30, 28), (7, 300, 28, 30), (200, 150, 3, 2),
        (200, 150, 1, 1), (33, 47, 34, 46), (256, 255, 255, 256), (640, 3, 11, 3), (123, 77, 448, 448), (500, 400, 224, 179),
        (3, 400, 5, 30), (3, 301, 2, 400),
    ]
    for width, height, to_width, to_height in sizes:
        image = Image.fromarray(noise(width * height * 3, width * 1000 + height).reshape(height, width, 3))
        for name, number in filters.items():
            resized = image.resize((to_width, to_height), number)
            lines.append(f"{width},{height},{to_width},{to_height},{name},{zlib.crc32(resized.tobytes())}")
    (OUT / "resize.csv").write_text("\n".join(lines) + "\n")


OUT.mkdir(parents=True, exist_ok=True)
pngs()
jpegs()
bmps()
gifs()
webps()
resizes()
(OUT / "pixels.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
