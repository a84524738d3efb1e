"""NumPy beside eligo: online rules for one network, one step at a time, as their authors write them (Marschall, Cho & Savin
2020): matrices, outer products and einsum. See protocol.py for what it speaks."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "protocol"))
import protocol  # noqa: E402

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed (on Debian: python3-numpy)", file=sys.stderr)
    sys.exit(3)

STEPS = 64  # steps of data that are taken in turn


class Net:
    """A tanh net, leaky where `alpha` is below 1, with a linear readout of the mean squared error."""

    def __init__(self, sizes, alpha, real):
        n, m, k = sizes["n"], sizes["m"], sizes["k"]
        random = np.random.default_rng(1)
        draw = lambda *shape: random.uniform(-1 / np.sqrt(n), 1 / np.sqrt(n), shape).astype(real)
        self.n, self.alpha = n, real(alpha)
        self.W = draw(n, n + m + 1)  # recurrent, input, bias
        self.V, self.b = draw(k, n), draw(k)
        self.a = np.zeros(n, real)

    def step(self, x):
        self.a_hat = np.concatenate([self.a, x, np.ones(1, self.W.dtype)])
        tanh = np.tanh(self.W @ self.a_hat)
        self.a = (1 - self.alpha) * self.a + self.alpha * tanh
        self.D = self.alpha * (1 - tanh**2)
        self.o = self.V @ self.a + self.b

    def jacobian(self):
        return np.diag(self.D) @ self.W[:, : self.n] + (1 - self.alpha) * np.eye(self.n, dtype=self.W.dtype)


class Rtrl:
    """The influence of every weight on every unit."""

    cell = "rnn_tanh"

    def __init__(self, net, _):
        self.M = np.zeros((net.n, net.W.size), net.W.dtype)

    def gradient(self, net, q, _):
        own = np.kron(np.diag(net.D), net.a_hat[None])  # [k, (i, j)]: D_i a_j where k = i
        self.M = net.jacobian() @ self.M + own
        return (q @ self.M).reshape(net.W.shape)


class Uoro:
    """That influence as an outer product, with random signs."""

    cell = "rnn_tanh"

    def __init__(self, net, _):
        self.A, self.B = np.zeros(net.n, net.W.dtype), np.zeros_like(net.W)
        self.random = np.random.default_rng(2)
        self.signs = None

    def gradient(self, net, q, _):
        nu = self.signs.pop(0) if self.signs else self.random.choice([-1.0, 1.0], net.n).astype(net.W.dtype)
        projected = np.outer(nu * net.D, net.a_hat)
        moved = net.jacobian() @ self.A
        epsilon = net.W.dtype.type(1e-7)
        norm = lambda v: np.sqrt(np.sum(v**2)) + epsilon
        p0, p1 = np.sqrt(norm(self.B) / norm(moved)), np.sqrt(norm(projected) / norm(nu))
        self.A = p0 * moved + p1 * nu
        self.B = self.B / p0 + projected / p1
        return (q @ self.A) * self.B


class Rflo:
    """Each unit remembers its own weights; errors come through fixed random weights."""

    cell = "rnn_leaky"

    def __init__(self, net, outputs):
        self.B = np.zeros_like(net.W)
        self.feedback = np.random.default_rng(3).normal(0, 1 / np.sqrt(outputs), (net.n, outputs)).astype(net.W.dtype)

    def gradient(self, net, _, error):
        self.B = (1 - net.alpha) * self.B + np.outer(net.D, net.a_hat)
        return np.einsum("i,ij->ij", self.feedback @ error, self.B)


RULES = {"rtrl": Rtrl, "uoro": Uoro, "rflo": Rflo}


class Online:
    def __init__(self, workload):
        rule = RULES[workload["rule"]]
        if (workload["cell"], workload["readout"]) != (rule.cell, "linear_mse"):
            raise protocol.Skip(f"{workload['rule']} only on {rule.cell} with linear_mse")
        if workload["batch"] != 1:
            raise protocol.Skip("one example at a time")
        self.real = np.float64 if workload["dtype"] == "f64" else np.float32
        sizes, random = workload["sizes"], np.random.default_rng(0)
        hyper = {{"net.alpha": "net.α"}.get(name, name): v for name, v in workload["hyper"].items()}
        self.net = Net(sizes, hyper.get("net.α", 0.5) if rule is Rflo else 1.0, self.real)
        self.rule = rule(self.net, sizes["k"])
        self.x = random.uniform(-1, 1, (STEPS, sizes["m"])).astype(self.real)
        self.y = random.uniform(0, 1, (STEPS, sizes["k"])).astype(self.real)
        self.rate, self.at = self.real(1e-2), 0

    def learn(self, x, y, weight):
        """The gradients of one step."""
        self.net.step(x)
        error = (2 / len(y)) * weight * (self.net.o - y)
        g = self.rule.gradient(self.net, error @ self.net.V, error)
        return g, np.outer(error, self.net.a), error

    def call(self):
        gW, gV, gb = self.learn(self.x[self.at], self.y[self.at], self.real(1))
        self.at = (self.at + 1) % STEPS
        self.net.W -= self.rate * gW
        self.net.V -= self.rate * gV
        self.net.b -= self.rate * gb

    def check(self, case):
        value = {name: np.array(v, self.real) for name, v in case["values"].items()}
        n, m = self.net.n, case["sizes"]["m"]
        self.net.W = np.concatenate([value["net.W"], value["net.U"], value["net.b"][:, None]], 1)
        self.net.V, self.net.b, self.net.a = value["L.V"], value["L.b"], value["net.h[start]"][0]
        if isinstance(self.rule, Rflo):
            self.rule.feedback = value["fb.A"]
        if isinstance(self.rule, Uoro):
            self.rule.signs = [np.array(row[0]) for row in case["shown"]["ν"]]
        sums = None
        for x, y, weight in zip(case["x"], case["y"], case["loss_mask"]):
            found = self.learn(np.array(x[0]), np.array(y[0]), weight[0])
            sums = found if sums is None else tuple(s + g for s, g in zip(sums, found))
        W, V, b = (-g for g in sums)
        learn = {"ψ.W": W[:, :n], "ψ.U": W[:, n : n + m], "ψ.b": W[:, -1], "φ.V": V, "φ.b": b}
        return {"learn": {name: g.tolist() for name, g in learn.items()}}


def hello():
    return {"peer": "numpy", "versions": {"NumPy": np.__version__, "OpenBLAS core": protocol.blas_core() or "no OpenBLAS"}}


def build(workload):
    if workload["rule"] not in RULES:
        raise protocol.Skip(f"no rule {workload['rule']} in NumPy here")
    return Online(workload)


if __name__ == "__main__":
    protocol.Server(hello, build).serve()
