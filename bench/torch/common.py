"""Data, readouts and names that the models share."""

import math

import torch
import torch.nn.functional as F
from protocol import Skip

READOUTS = ("linear_mse", "linear_softmax", "linear_bernoulli")


def check_parts(workload, cells):
    if workload["cell"] not in cells:
        raise Skip(f"no cell {workload['cell']} for {workload['rule']} here")
    if workload["readout"] not in READOUTS:
        raise Skip(f"no readout {workload['readout']} here")
    if workload["header"].get("n", -1) != -1:
        raise Skip("windows only over all steps")


def draw_targets(workload, k):
    shape = (workload["T"], workload["batch"])
    if workload["readout"] == "linear_softmax":
        return F.one_hot(torch.randint(k, shape), k).to(torch.get_default_dtype())
    if workload["readout"] == "linear_bernoulli":
        return torch.randint(2, (*shape, k)).to(torch.get_default_dtype())
    return torch.rand(*shape, k)


def loss_of(readout, o, y):
    """Summed over rows of outputs; mean over the outputs of a row where the readout has it so."""
    if readout == "linear_mse":
        return ((o - y) ** 2).sum() / o.shape[-1]
    if readout == "linear_bernoulli":
        return F.binary_cross_entropy_with_logits(o, y, reduction="sum") / o.shape[-1]
    return -(y * F.log_softmax(o, -1)).sum()


def loss_gradient(readout, o, y):
    """dL/do of each row."""
    if readout == "linear_mse":
        return (2 / o.shape[-1]) * (o - y)
    if readout == "linear_bernoulli":
        return (torch.sigmoid(o) - y) / o.shape[-1]
    return y.sum(-1, keepdim=True) * torch.softmax(o, -1) - y


def uniform(*shape, bound):
    return torch.empty(*shape).uniform_(-bound, bound)


def bound_of(n):
    return 1 / math.sqrt(n)


def tensor(values):
    return torch.tensor(values, dtype=torch.get_default_dtype())


def listed(gradients):
    return {"learn": {name: value.detach().tolist() for name, value in gradients.items()}}
