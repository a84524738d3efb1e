"""Tables of numbers as coloured pictures with captions, in one SVG file."""

import base64
import html
import struct
import zlib

import numpy as np

# From dark blue (low) over green to yellow (high), in equal steps.
COLOURS = np.array([(13, 22, 84), (36, 78, 140), (33, 134, 141), (94, 190, 104), (250, 230, 60)], float)


def coloured(values, low, high):
    """[rows][columns] -> [rows][columns][3] bytes."""
    span = high - low if high > low else 1.0
    place = np.clip((np.asarray(values, float) - low) / span, 0, 1) * (len(COLOURS) - 1)
    below = np.minimum(place.astype(int), len(COLOURS) - 2)
    part = (place - below)[..., None]
    return np.rint((1 - part) * COLOURS[below] + part * COLOURS[below + 1]).astype(np.uint8)


def png(pixels):
    """[rows][columns][3] bytes -> a PNG file's bytes."""
    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + pixels[row].tobytes() for row in range(rows))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def write(path, rows, side=110):
    """`rows`: pairs of a name and its maps, each a caption and [rows][columns][3] bytes. Maps are `side` pixels wide."""
    gap, left, line = 8, 150, side + 26
    width = left + max(len(maps) for _, maps in rows) * (side + gap)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{len(rows) * line + gap}" '
           'font-family="DejaVu Sans, sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>']
    for r, (name, maps) in enumerate(rows):
        top = gap + r * line
        out.append(f'<text x="{gap}" y="{top + side / 2}" font-size="13">{html.escape(name)}</text>')
        for c, (caption, pixels) in enumerate(maps):
            x = left + c * (side + gap)
            data = base64.b64encode(png(pixels)).decode()
            out.append(f'<image x="{x}" y="{top}" width="{side}" height="{side}" style="image-rendering: pixelated" '
                       f'href="data:image/png;base64,{data}"/>')
            out.append(f'<text x="{x}" y="{top + side + 12}">{html.escape(caption)}</text>')
    out.append("</svg>\n")
    with open(path, "w") as file:
        file.write("\n".join(out))
