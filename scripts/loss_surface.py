#!/usr/bin/env python3
"""The loss that a linear synthetic gradient implies, over the points of a plane, beside the true one.

Usage: loss_surface.py RUN OUT [--eligo eligo] [--variant NAME]... [--seed N]

RUN is a run folder of the task `gaussian_labels` with `grid = 1` and two inputs, trained by a rule whose synthesiser is
linear in the layer and the label (`labelled`, `layer_labelled`). SG(h, y) = A h + B y + C is the gradient of
h.A.h/2 + (B y + C).h + const (Czarnecki et al. 2017, section 4, Figures 2 and 9). Into the folder OUT go
  surface.svg   for each variant the true loss of each point, and what each synthesiser implies; each on its own scale
  surface.csv   the correlation over the points of what each implies with the true loss
"""

import pathlib

import numpy as np

import heat_maps
from trained_nets import parser_of, trained_nets, write
from guarded import guarded


def implied(a, b, c, h, y):
    """[points]; only the symmetric part of A is the gradient of anything."""
    return 0.5 * np.einsum("pi,ij,pj->p", h, a, h) + ((y @ b.T + c) * h).sum(1)


def synthesisers(net, layers):
    """The layer behind which each stands, from 0, with its A, B and C."""
    a, b, c = (net.parameters[f"g.{name}"] for name in "ABC")
    if a.ndim == 3:
        return [(t, a[t], b[t], c[t]) for t in range(layers)]
    return [(int(net.setting("rule.p")) - 1, a, b, c)]


def main():
    options = parser_of(__doc__).parse_args()
    out = pathlib.Path(options.out)
    rows, pictures = [], []
    for net in trained_nets(options.eligo, options.run, options.variant, options.seed):
        if "g.A" not in net.parameters.files:
            continue
        values = net.predicted(10**9, ["net.h", "L.loss"], split="validation")
        h, y, truth = values["net.h"], values["y"][:, -1], values["L.loss"][:, -1].reshape(-1)
        side = round(len(truth) ** 0.5)
        maps = [("true loss", heat_maps.coloured(truth.reshape(side, side), truth.min(), truth.max()))]
        for layer, a, b, c in synthesisers(net, h.shape[1]):
            surface = implied(a, b, c, h[:, layer], y)
            agreement = np.corrcoef(surface, truth)[0, 1]
            rows.append({"variant": net.variant, "seed": net.seed, "layer": layer + 1, "loss": truth.mean(),
                         "correlation": agreement})
            maps.append((f"layer {layer + 1}: {agreement:.2f}",
                         heat_maps.coloured(surface.reshape(side, side), surface.min(), surface.max())))
        pictures.append((net.variant, maps))
    if not rows:
        raise SystemExit(f"{options.run}: no variant has a synthesiser linear in layer and label (g.A, g.B, g.C)")
    write(rows, pictures, out / "surface.csv", out / "surface.svg")


if __name__ == "__main__":
    guarded(main)
