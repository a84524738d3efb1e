#!/usr/bin/env python3
"""What each layer of trained feed-forward nets represents: dissimilarities of images, linear probes, norms of weights.

Usage: representations.py RUN OUT [--eligo eligo] [--variant NAME]... [--seed N] [--samples 400] [--probes 2000]

RUN is a run folder of a task whose steps are layers (`digits`). Into the folder OUT go
  rsm.svg      for each variant (row) and layer (column) the matrix 1 - corr(h_i, h_j) over --samples training images in
               the order of their labels, dark where two images are represented alike (Czarnecki et al. 2017, Fig. 3 and 7)
  layers.csv   for each variant and layer:
    block_distance   L2 distance of the elements within the blocks of one label from those of the last layer (Fig. 3)
    within, between  mean dissimilarity of two images of one label, and of two labels
    probe_accuracy   of a linear classifier on the layer, on the --probes training images that it was fitted to (Fig. 8)
    input_mse        of a linear regression from the layer back to the net's input, mean over pixels (Fig. 8)
    weight_norm      squared Frobenius norm of the weights into the layer, as a part of their sum over the layers from
                     the second on (Fig. 5)
"""

import pathlib

import numpy as np

import heat_maps
from trained_nets import parser_of, trained_nets, write
from guarded import guarded


def dissimilarity(h):
    """[samples][units] -> [samples][samples], 1 - the correlation over the units; 1 where a row is constant."""
    centred = h - h.mean(1, keepdims=True)
    length = np.sqrt((centred**2).sum(1, keepdims=True))
    unit = centred / np.where(length > 1e-12, length, np.inf)
    return 1 - unit @ unit.T


def standardised(h):
    deviation = h.std(0)
    return np.hstack([(h - h.mean(0)) / np.where(deviation > 1e-9, deviation, np.inf), np.ones((len(h), 1))])


def probe_accuracy(h, labels, classes, steps=400):
    """Softmax regression by Adam on all samples at once, from zero."""
    x, y = standardised(h), np.eye(classes)[labels]
    w, m, v = (np.zeros((x.shape[1], classes)) for _ in range(3))
    for step in range(1, steps + 1):
        logits = x @ w
        p = np.exp(logits - logits.max(1, keepdims=True))
        gradient = x.T @ (p / p.sum(1, keepdims=True) - y) / len(x)
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        w -= 0.02 * m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return float(((x @ w).argmax(1) == labels).mean())


def input_mse(h, x):
    """Least squares, with a ridge that is small against the features' variance of 1."""
    features = standardised(h)
    square = features.T @ features + 1e-4 * len(h) * np.eye(features.shape[1])
    return float(((features @ np.linalg.solve(square, features.T @ x) - x) ** 2).mean())


def weight_norms(parameters, layers):
    """Of layer 1 none: its weights lead from the input."""
    squares = (parameters["net.W"][1:layers] ** 2).reshape(layers - 1, -1).sum(1)
    return [None, *(squares / squares.sum())]


def halved(matrix):
    """Means of 2 x 2, for a smaller picture."""
    even = matrix[: len(matrix) // 2 * 2, : len(matrix) // 2 * 2]
    return even.reshape(len(even) // 2, 2, len(even) // 2, 2).mean((1, 3))


def analysed(net, samples, probes):
    """Rows of layers.csv, and the dissimilarities of each layer."""
    values = net.predicted(max(samples, probes), ["net.h"])
    h, x = values["net.h"], values["x"][:, 0]
    labels, classes = values["y"][:, -1].argmax(1), values["y"].shape[2]
    order = np.argsort(labels[:samples], kind="stable")
    same = labels[order][:, None] == labels[order][None, :]
    np.fill_diagonal(same, False)
    other = labels[order][:, None] != labels[order][None, :]
    layers = h.shape[1]
    matrices = [dissimilarity(h[order, layer]) for layer in range(layers)]
    norms = weight_norms(net.parameters, layers)
    rows = []
    for layer, matrix in enumerate(matrices):
        rows.append({"variant": net.variant, "seed": net.seed, "layer": layer + 1,
                     "block_distance": np.sqrt(((matrix - matrices[-1])[same] ** 2).sum()),
                     "within": matrix[same].mean(), "between": matrix[other].mean(),
                     "probe_accuracy": probe_accuracy(h[:probes, layer], labels[:probes], classes),
                     "input_mse": input_mse(h[:probes, layer], x[:probes]),
                     "weight_norm": "" if norms[layer] is None else norms[layer]})
    return rows, matrices


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--probes", type=int, default=2000)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    rows, pictures = [], []
    for net in trained_nets(options.eligo, options.run, options.variant, options.seed):
        found, matrices = analysed(net, options.samples, options.probes)
        rows += found
        maps = [(f"layer {i}", heat_maps.coloured(halved(m), 0, 1.2)) for i, m in enumerate(matrices, 1)]
        pictures.append((net.variant, maps))
    write(rows, pictures, out / "layers.csv", out / "rsm.svg")


if __name__ == "__main__":
    guarded(main)
