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
        self.W_rec, self.W_in, self.b_rec = draw(n, n), draw(n, m), draw(n)
        self.W_out, self.b_out = draw(k, n), draw(k)
        self.columns = [n, n + m]  # where recurrent weights, input weights and biases part in what acts on [a; x; 1]
        self.a = np.zeros(n, real)

    def step(self, x):
        self.a_hat = np.concatenate([self.a, x, np.ones(1, self.a.dtype)])
        tanh = np.tanh(self.W_rec @ self.a + self.W_in @ x + self.b_rec)
        self.a = (1 - self.alpha) * self.a + self.alpha * tanh
        self.D = self.alpha * (1 - tanh**2)
        self.o = self.W_out @ self.a + self.b_out

    def parameters(self):
        return [self.W_rec, self.W_in, self.b_rec, self.W_out, self.b_out]

    def width(self):
        return self.W_rec.shape[1] + self.W_in.shape[1] + 1

    def jacobian(self):
        return np.diag(self.D) @ self.W_rec + (1 - self.alpha) * np.eye(self.n, dtype=self.a.dtype)


class Rtrl:
    """The influence of every weight on every unit."""

    cell = "rnn_tanh"

    def __init__(self, net, _):
        self.M = np.zeros((net.n, net.n * net.width()), net.a.dtype)

    def gradient(self, net, q, _):
        own = np.kron(np.diag(net.D), net.a_hat[None])  # [k, (i, j)]: D_i a_j where k = i
        self.M = net.jacobian() @ self.M + own
        return (q @ self.M).reshape(net.n, -1)


class Uoro:
    """That influence as an outer product, with random signs."""

    cell = "rnn_tanh"

    def __init__(self, net, _):
        self.A, self.B = np.zeros(net.n, net.a.dtype), np.zeros((net.n, net.width()), net.a.dtype)
        self.random = np.random.default_rng(2)
        self.signs = None

    def gradient(self, net, q, _):
        nu = self.signs.pop(0) if self.signs else self.random.choice([-1.0, 1.0], net.n).astype(net.a.dtype)
        projected = np.outer(nu * net.D, net.a_hat)
        moved = net.jacobian() @ self.A
        epsilon = net.a.dtype.type(1e-7)
        norm = lambda v: np.sqrt(np.sum(v**2)) + epsilon
        p0, p1 = np.sqrt(norm(self.B) / norm(moved)), np.sqrt(norm(projected) / norm(nu))
        self.A = p0 * moved + p1 * nu
        self.B = self.B / p0 + projected / p1
        return (q @ self.A) * self.B


class Rflo:
    """Each unit remembers its own weights; errors come through fixed random weights."""

    cell = "rnn_leaky"

    def __init__(self, net, outputs):
        self.B = np.zeros((net.n, net.width()), net.a.dtype)
        self.feedback = np.random.default_rng(3).normal(0, 1 / np.sqrt(outputs), (net.n, outputs)).astype(net.a.dtype)

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
        """The gradients of one step, in the order of the parameters."""
        self.net.step(x)
        error = (2 / len(y)) * weight * (self.net.o - y)
        g = self.rule.gradient(self.net, error @ self.net.W_out, error)
        W_rec, W_in, b_rec = np.split(g, self.net.columns, axis=1)
        return W_rec, W_in, b_rec[:, 0], np.outer(error, self.net.a), error

    def call(self):
        gradients = self.learn(self.x[self.at], self.y[self.at], self.real(1))
        self.at = (self.at + 1) % STEPS
        for p, g in zip(self.net.parameters(), gradients):
            p -= self.rate * g

    def check(self, case):
        value = {name: np.array(v, self.real) for name, v in case["values"].items()}
        names = ("net.W", "net.U", "net.b", "L.V", "L.b")
        for p, name in zip(self.net.parameters(), names):
            p[...] = value[name]
        self.net.a = value["net.h[start]"][0]
        if isinstance(self.rule, Rflo):
            self.rule.feedback = value["fb.A"]
        if isinstance(self.rule, Uoro):
            self.rule.signs = [np.array(row[0]) for row in case["shown"]["ν"]]
        sums = None
        for x, y, weight in zip(case["x"], case["y"], case["loss_mask"]):
            found = self.learn(np.array(x[0]), np.array(y[0]), weight[0])
            sums = found if sums is None else tuple(s + g for s, g in zip(sums, found))
        named = zip(("ψ.W", "ψ.U", "ψ.b", "φ.V", "φ.b"), sums)
        return {"learn": {name: (-g).tolist() for name, g in named}}


def hello():
    return {"peer": "numpy", "versions": {"NumPy": np.__version__, "OpenBLAS core": protocol.blas_core()}}


def build(workload):
    if workload["rule"] not in RULES:
        raise protocol.Skip(f"no rule {workload['rule']} in NumPy here")
    protocol.set_blas_threads(workload["threads"])
    return Online(workload)


if __name__ == "__main__":
    protocol.Server(hello, build).serve()
