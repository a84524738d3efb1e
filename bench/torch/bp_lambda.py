"""Accumulate BP(λ) as tensor code: each example's Jacobian and its trace over the synthesiser's weights, carried forward
with bmm, as its authors' code does (Pemberton & Costa 2024, eqs. 14-16)."""

import torch

import common
from protocol import Skip, free_bytes


class TanhRnn:
    names = ("W", "U", "b")

    def __init__(self, n, m):
        self.W = common.uniform(n, n, bound=common.bound_of(n))
        self.U = common.uniform(n, m, bound=common.bound_of(n))
        self.b = common.uniform(n, bound=common.bound_of(n))

    def step(self, state, x):
        """The state after a step, its Jacobian, and what the parameters' gradient needs."""
        h = torch.tanh(state @ self.W.t() + x @ self.U.t() + self.b)
        slope = 1 - h * h
        return h, slope[:, :, None] * self.W, (state, x, slope)

    @staticmethod
    def gradient(signal, kept):
        before, x, slope = kept
        d = signal * slope
        return {"W": d.t() @ before, "U": d.t() @ x, "b": d.sum(0)}


class Lstm:
    names = ("Wh", "Wx", "b")

    def __init__(self, n, m):
        self.Wh = common.uniform(4, n, n, bound=common.bound_of(n))
        self.Wx = common.uniform(4, n, m, bound=common.bound_of(n))
        self.b = common.uniform(4, n, bound=common.bound_of(n))

    def step(self, state, x):
        n = state.shape[1] // 2
        h, c = state[:, :n], state[:, n:]
        z = h @ self.Wh.reshape(4 * n, n).t() + x @ self.Wx.reshape(4 * n, -1).t() + self.b.reshape(-1)
        i, f, g, o = z.chunk(4, 1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        cell = f * c + i * g
        u = torch.tanh(cell)
        # What each gate's pre-activation moves: the cell for i, f, g, the output for o.
        di, df, dg, do = g * i * (1 - i), c * f * (1 - f), i * (1 - g * g), u * o * (1 - o)
        through = o * (1 - u * u)  # from the cell to the output
        jacobian = state.new_zeros(state.shape[0], 2 * n, 2 * n)
        of_cell = di[:, :, None] * self.Wh[0] + df[:, :, None] * self.Wh[1] + dg[:, :, None] * self.Wh[2]
        jacobian[:, n:, :n] = of_cell
        jacobian[:, :n, :n] = through[:, :, None] * of_cell + do[:, :, None] * self.Wh[3]
        jacobian[:, n:, n:].diagonal(dim1=1, dim2=2).copy_(f)
        jacobian[:, :n, n:].diagonal(dim1=1, dim2=2).copy_(through * f)
        return torch.cat([o * u, cell], 1), jacobian, (h, x, di, df, dg, do, through)

    @staticmethod
    def gradient(signal, kept):
        h, x, di, df, dg, do, through = kept
        n = h.shape[1]
        to_cell = signal[:, n:] + signal[:, :n] * through
        d = torch.cat([to_cell * di, to_cell * df, to_cell * dg, signal[:, :n] * do], 1)
        return {"Wh": (d.t() @ h).view(4, n, n), "Wx": (d.t() @ x).view(4, n, -1), "b": d.sum(0).view(4, n)}


class BpLambda:
    def __init__(self, workload):
        common.check_parts(workload, ("rnn_tanh", "lstm"))
        if workload["synth"] != "linear":
            raise Skip("only the linear synthesiser")
        sizes = workload["sizes"]
        n, k = sizes["n"], sizes["k"]
        self.w = workload
        self.n = n
        self.cell = (Lstm if workload["cell"] == "lstm" else TanhRnn)(n, sizes["m"])
        self.states = 2 * n if workload["cell"] == "lstm" else n
        trace = workload["batch"] * self.states**3 * torch.empty(0).element_size()
        if 4 * trace > free_bytes():
            raise Skip(f"its traces of {trace / 1e9:.0f} GB do not fit into memory")
        self.V, self.b = common.uniform(k, n, bound=common.bound_of(n)), common.uniform(k, bound=common.bound_of(n))
        self.A, self.a = torch.zeros(self.states, self.states), torch.zeros(self.states)
        hyper = {"λ": 1.0, "γ": 0.9, "κ": 1.0, "scale": 1.0, "bound": 1.0}
        greek = {"lambda": "λ", "gamma": "γ", "kappa": "κ"}
        hyper.update({greek.get(name, name): value for name, value in workload["hyper"].items()})
        self.hyper = hyper
        self.x = torch.rand(workload["T"], workload["batch"], sizes["m"]) * 2 - 1
        self.y = common.draw_targets(workload, k)
        self.mask = torch.ones(workload["T"], workload["batch"])
        if workload["loss"] == "last":
            self.mask[:-1] = 0
        self.start = torch.zeros(workload["batch"], self.states)
        self.parameters = {f"ψ.{name}": getattr(self.cell, name) for name in self.cell.names}
        self.parameters.update({"φ.V": self.V, "φ.b": self.b, "θ.A": self.A, "θ.a": self.a})
        self.optimiser = torch.optim.Adam(list(self.parameters.values()), lr=1e-3)

    def loss_signal(self, t, state, into):
        """dL/ds of each example; the readout's own gradient is added up."""
        signal = torch.zeros_like(state)
        if t < self.w["T"] - 1 and self.w["loss"] == "last":
            return signal
        h = state[:, :self.n]
        d = common.loss_gradient(self.w["readout"], h @ self.V.t() + self.b, self.y[t]) * self.mask[t][:, None]
        signal[:, :self.n] = d @ self.V
        into["φ.V"] -= d.t() @ h
        into["φ.b"] -= d.sum(0)
        return signal

    def gathered(self):
        """What an update of rate 1 would add, as sums over the batch."""
        authors = self.w["rule"] == "bp_lambda_authors"
        lam, gamma, kappa = self.hyper["λ"], self.hyper["γ"], self.hyper["κ"]
        scale = self.hyper["scale"] if authors else 1.0
        batch, steps, s = self.w["batch"], self.w["T"], self.states
        into = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        state = self.start
        predicted = state @ self.A.t() + self.a
        trace_A, trace_a = torch.zeros(batch, s, s, s), torch.zeros(batch, s, s)
        if not authors:
            self.add_own(trace_A, trace_a, state)
        for t in range(steps):
            before = predicted
            state, jacobian, kept = self.cell.step(state, self.x[t])
            signal = self.loss_signal(t, state, into)
            predicted = state @ self.A.t() + self.a if t < steps - 1 else torch.zeros_like(state)
            delta = torch.bmm((scale * signal + gamma * predicted)[:, None], jacobian) - before[:, None]
            self.teach(into, "θ.A", torch.bmm(delta, trace_A.view(batch, s, s * s)).sum(0).view(s, s), authors)
            self.teach(into, "θ.a", torch.bmm(delta, trace_a).sum(0).view(s), authors)
            for name, g in self.cell.gradient(signal + kappa / scale * predicted, kept).items():
                into[f"ψ.{name}"] -= g
            trace_A = torch.bmm(gamma * lam * jacobian, trace_A.view(batch, s, s * s)).view(batch, s, s, s)
            trace_a = torch.bmm(gamma * lam * jacobian, trace_a)
            self.add_own(trace_A, trace_a, state)
        # Behind the last step the target is zero, and so is the prediction: nothing is added there.
        return into

    @staticmethod
    def add_own(trace_A, trace_a, state):
        """d(A s + a)/d(A, a) at this state."""
        trace_A.diagonal(dim1=1, dim2=2).add_(state[:, :, None])
        trace_a.diagonal(dim1=1, dim2=2).add_(1)

    def teach(self, into, name, sums, clipped):
        """A step's sums join the others; in the authors' way their mean is first cut to a norm."""
        if clipped:
            norm = sums.norm() / self.w["batch"]
            if norm > self.hyper["bound"]:
                sums = sums * (self.hyper["bound"] / norm)
        into[name] += sums

    def call(self):
        with torch.no_grad():
            for name, sums in self.gathered().items():
                self.parameters[name].grad = sums / -self.w["batch"]
            self.optimiser.step()

    def check(self, case):
        values = {name: common.tensor(v) for name, v in case["values"].items()}
        for name, p in self.parameters.items():
            role = {"ψ": "net", "φ": "L", "θ": "g"}[name[0]]
            p.copy_(values[f"{role}.{name[2:]}"].reshape(p.shape))
        self.x, self.y = common.tensor(case["x"]), common.tensor(case["y"])
        self.mask = common.tensor(case["loss_mask"])
        states = ("h", "c") if self.w["cell"] == "lstm" else ("h",)
        self.start = torch.cat([values[f"net.{name}[start]"] for name in states], 1)
        with torch.no_grad():
            return common.listed({name: g / self.w["batch"] for name, g in self.gathered().items()})
