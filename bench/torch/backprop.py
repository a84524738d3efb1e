"""Backpropagation through time as PyTorch has it: nn.LSTM, nn.GRU, nn.RNN, a linear readout, autograd, Adam."""

import torch
from torch import nn

import common

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}


class Backprop:
    def __init__(self, workload):
        common.check_parts(workload, CELLS)
        sizes = workload["sizes"]
        self.w = workload
        self.net = CELLS[workload["cell"]](sizes["m"], sizes["n"])
        self.readout = nn.Linear(sizes["n"], sizes["k"])
        self.x = torch.rand(workload["T"], workload["batch"], sizes["m"]) * 2 - 1
        self.y = common.draw_targets(workload, sizes["k"])
        self.optimiser = torch.optim.Adam([*self.net.parameters(), *self.readout.parameters()], lr=1e-3)

    def call(self):
        self.optimiser.zero_grad(set_to_none=True)
        h, _ = self.net(self.x)
        if self.w["loss"] == "last":
            loss = common.loss_of(self.w["readout"], self.readout(h[-1]), self.y[-1])
        else:
            loss = common.loss_of(self.w["readout"], self.readout(h), self.y)
        (loss / self.w["batch"]).backward()
        self.optimiser.step()

    def load(self, values):
        n, gates = self.w["sizes"]["n"], {"lstm": 4, "gru": 3, "rnn_tanh": 1}[self.w["cell"]]
        value = {name: common.tensor(v) for name, v in values.items()}
        old = self.w["cell"] == "rnn_tanh"
        with torch.no_grad():
            self.net.weight_ih_l0.copy_(value["net.U" if old else "net.Wx"].reshape(gates * n, -1))
            self.net.weight_hh_l0.copy_(value["net.W" if old else "net.Wh"].reshape(gates * n, n))
            self.net.bias_ih_l0.copy_(value["net.bx" if "net.bx" in value else "net.b"].reshape(-1))
            self.net.bias_hh_l0.copy_(value["net.bh"].reshape(-1) if "net.bh" in value else torch.zeros(gates * n))
            self.readout.weight.copy_(value["L.V"])
            self.readout.bias.copy_(value["L.b"])
        starts = tuple(value[f"net.{s}[start]"][None] for s in ("hc" if self.w["cell"] == "lstm" else "h"))
        return starts if len(starts) > 1 else starts[0]

    def check(self, case):
        start = self.load(case["values"])
        x, y = common.tensor(case["x"]), common.tensor(case["y"])
        h, _ = self.net(x, start)
        o, mask = self.readout(h), common.tensor(case["loss_mask"])
        loss = sum(mask[t, b] * common.loss_of(self.w["readout"], o[t, b], y[t, b])
                   for t in range(x.shape[0]) for b in range(x.shape[1])) / x.shape[1]
        loss.backward()
        n, m = self.w["sizes"]["n"], self.w["sizes"]["m"]
        net = self.net
        if self.w["cell"] == "rnn_tanh":
            found = {"ψ.W": net.weight_hh_l0.grad, "ψ.U": net.weight_ih_l0.grad, "ψ.b": net.bias_ih_l0.grad}
        else:
            found = {"ψ.Wh": net.weight_hh_l0.grad.reshape(-1, n, n), "ψ.Wx": net.weight_ih_l0.grad.reshape(-1, n, m)}
            biases = ("bx", "bh") if self.w["cell"] == "gru" else ("b",)
            for name, of in zip(biases, (net.bias_ih_l0, net.bias_hh_l0)):
                found[f"ψ.{name}"] = of.grad.reshape(-1, n)
        found.update({"φ.V": self.readout.weight.grad, "φ.b": self.readout.bias.grad})
        return common.listed({name: -g for name, g in found.items()})
