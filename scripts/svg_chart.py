"""Line charts with error bars as SVG, side by side, for the scripts that draw what is no learning curve.

    chart("ratio.svg", [Panel("noisy", "d", "ratio", [Curve("k = 2", [(4, 4.1, 0.2), ...])], log_y=True)])
"""
import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

COLOURS = ["#1f6fb4", "#d9722b", "#2e8b57", "#8e5bb0", "#b8434f", "#5f6b73"]
WIDTH, HEIGHT = 380, 340                       # of a panel
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 40, 52


@dataclass
class Curve:
    name: str
    points: list                               # (x, y) or (x, y, standard error)
    thin: bool = False                         # dashed and without marks: what a theory says
    colour: int = -1                           # in COLOURS; -1: the next one


@dataclass
class Panel:
    title: str
    x: str
    y: str
    curves: list = field(default_factory=list)
    log_x: bool = False
    log_y: bool = False
    key_below: bool = False                    # names at the lower right, not at the upper left


class Axis:
    """Values to places between `first` and `last`, and the values that are written at it."""

    def __init__(self, values, log, first, last):
        self.log, self.first, self.last = log, first, last
        inside = [v for v in values if not log or v > 0] or [1.0]
        low, high = min(inside), max(inside)
        if log:
            low, high = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
            self.low, self.high = low, max(high, low + 1)
            self.ticks = [10.0 ** e for e in range(self.low, self.high + 1)]
        else:
            if low == high:
                low, high = low - 0.5, high + 0.5
            step = 10.0 ** math.floor(math.log10(high - low))
            step = next(s for s in (0.1 * step, 0.2 * step, 0.5 * step, step, 2 * step) if (high - low) / s <= 8)
            self.low, self.high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
            self.ticks = [self.low + i * step for i in range(round((self.high - self.low) / step) + 1)]

    def at(self, value):
        value = math.log10(max(value, 1e-300)) if self.log else value
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.first + part * (self.last - self.first)


def label(value, log):
    if log and (value >= 1e4 or value < 1e-2):
        return f"1e{round(math.log10(value))}"
    return f"{value:.6g}"


def panel_svg(panel, shift):
    points = [p for c in panel.curves for p in c.points]
    x = Axis([p[0] for p in points], panel.log_x, shift + LEFT, shift + WIDTH - RIGHT)
    y = Axis([p[1] for p in points], panel.log_y, HEIGHT - BOTTOM, TOP)
    out = [f'<text x="{(x.first + x.last) / 2:.1f}" y="20" class="title">{escape(panel.title)}</text>',
           f'<text x="{(x.first + x.last) / 2:.1f}" y="{HEIGHT - 12}" class="name">{escape(panel.x)}</text>',
           f'<text transform="translate({shift + 14},{(y.first + y.last) / 2:.1f}) rotate(-90)" class="name">'
           f'{escape(panel.y)}</text>']
    for value in x.ticks:
        out.append(f'<line x1="{x.at(value):.1f}" x2="{x.at(value):.1f}" y1="{y.first}" y2="{y.last}" class="grid"/>'
                   f'<text x="{x.at(value):.1f}" y="{y.first + 16}" class="tick">{label(value, x.log)}</text>')
    for value in y.ticks:
        out.append(f'<line x1="{x.first}" x2="{x.last}" y1="{y.at(value):.1f}" y2="{y.at(value):.1f}" class="grid"/>'
                   f'<text x="{x.first - 6}" y="{y.at(value) + 4:.1f}" class="tick end">{label(value, y.log)}</text>')
    own = 0
    for curve in panel.curves:
        colour = COLOURS[(own if curve.colour < 0 else curve.colour) % len(COLOURS)]
        own += curve.colour < 0
        path = " ".join(f"{x.at(p[0]):.1f},{y.at(p[1]):.1f}" for p in curve.points)
        dash = ' stroke-dasharray="4 3" stroke-width="1"' if curve.thin else ' stroke-width="2"'
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}"{dash}/>')
        for p in [] if curve.thin else curve.points:
            out.append(f'<circle cx="{x.at(p[0]):.1f}" cy="{y.at(p[1]):.1f}" r="2.6" fill="{colour}"/>')
            if len(p) > 2:
                out.append(f'<line x1="{x.at(p[0]):.1f}" x2="{x.at(p[0]):.1f}" y1="{y.at(p[1] - p[2]):.1f}" '
                           f'y2="{y.at(p[1] + p[2]):.1f}" stroke="{colour}" stroke-width="1.4"/>')
    named = [c for c in panel.curves if c.name]
    left = x.last - 180 if panel.key_below else x.first + 10
    top = y.first - 16 * len(named) if panel.key_below else TOP + 14
    for i, curve in enumerate(named):
        colour = COLOURS[(i if curve.colour < 0 else curve.colour) % len(COLOURS)]
        place = top + 16 * i
        out.append(f'<line x1="{left}" x2="{left + 20}" y1="{place - 4}" y2="{place - 4}" stroke="{colour}" '
                   f'stroke-width="2"{" stroke-dasharray=" + chr(34) + "4 3" + chr(34) if curve.thin else ""}/>'
                   f'<text x="{left + 26}" y="{place}" class="key">{escape(curve.name)}</text>')
    return "\n".join(out)


def chart(path, panels):
    style = ("text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-weight:bold;text-anchor:middle}"
             ".name,.tick{text-anchor:middle}.tick{font-size:11px}.end{text-anchor:end}.grid{stroke:#e3e3e3}")
    width = WIDTH * len(panels)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
                   f'viewBox="0 0 {width} {HEIGHT}">\n<style>{style}</style>\n'
                   '<rect width="100%" height="100%" fill="white"/>\n')
        file.write("\n".join(panel_svg(p, WIDTH * i) for i, p in enumerate(panels)))
        file.write("\n</svg>\n")
