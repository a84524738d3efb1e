"""Backpropagation through time as PyTorch has it: nn.LSTM, nn.GRU, nn.RNN, a linear readout, autograd, Adam; and the
same cells written out for torch.compile."""

import torch
import torch.nn.functional as F
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

    def run(self, x, start=None):
        """The outputs of all steps."""
        return self.net(x, start)[0]

    def call(self):
        self.optimiser.zero_grad(set_to_none=True)
        h = self.run(self.x)
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
        self.optimiser.zero_grad(set_to_none=True)
        x, y = common.tensor(case["x"]), common.tensor(case["y"])
        h = self.run(x, start)
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


def lstm_step(z, state, W, b):
    h, c = state
    i, f, g, o = (z + F.linear(h, W, b)).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(z, state, W, b):
    zr, zu, zn = z.chunk(3, -1)
    hr, hu, hn = F.linear(state[0], W, b).chunk(3, -1)
    u = torch.sigmoid(zu + hu)
    return ((1 - u) * torch.tanh(zn + torch.sigmoid(zr + hr) * hn) + u * state[0],)


def rnn_step(z, state, W, b):
    return (torch.tanh(z + F.linear(state[0], W, b)),)


STEPS = {"lstm": lstm_step, "gru": gru_step, "rnn_tanh": rnn_step}


class Compiled(Backprop):
    """The same by torch.compile, which leaves nn.LSTM and its like to the kernels that they call: the cells are written
    out, with the projections of all inputs as one product, and the steps unrolled."""

    def __init__(self, workload):
        super().__init__(workload)
        self.unrolled = torch.compile(self.steps)
        self.call()  # compiles

    def steps(self, x, start):
        net, states = self.net, []
        z = F.linear(x, net.weight_ih_l0, net.bias_ih_l0)
        for z_t in z.unbind(0):
            start = STEPS[self.w["cell"]](z_t, start, net.weight_hh_l0, net.bias_hh_l0)
            states.append(start[0])
        return torch.stack(states)

    def run(self, x, start=None):
        if start is None:
            zero = x.new_zeros(x.shape[1], self.w["sizes"]["n"])
            start = (zero, zero) if self.w["cell"] == "lstm" else (zero,)
        else:
            start = tuple(s[0] for s in start) if isinstance(start, tuple) else (start[0],)
        return self.unrolled(x, start)
