"""JAX beside eligo: backpropagation through time as jit of a lax.scan with Adam. See protocol.py for what it speaks."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "protocol"))
import protocol  # noqa: E402

# One thread: XLA takes as many as it has processors.
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
try:
    import jax
    import jax.numpy as jnp
except ImportError:
    print("JAX is not installed (pip install jax)", file=sys.stderr)
    sys.exit(3)
if not hasattr(jax, "jit"):  # a folder of that name, not the library
    sys.exit(3)


def rnn_tanh(p, state, x):
    h = jnp.tanh(state[0] @ p["W"].T + x @ p["U"].T + p["b"])
    return (h,)


def lstm(p, state, x):
    h, c = state
    i, f, g, o = (jnp.einsum("bj,gij->gbi", h, p["Wh"]) + jnp.einsum("bm,gim->gbi", x, p["Wx"])
                  + p["b"][:, None])
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(p, state, x):
    h = state[0]
    u = jnp.einsum("bm,gim->gbi", x, p["Wx"]) + p["bx"][:, None]
    v = jnp.einsum("bj,gij->gbi", h, p["Wh"]) + p["bh"][:, None]
    r, z = jax.nn.sigmoid(u[0] + v[0]), jax.nn.sigmoid(u[1] + v[1])
    return ((1 - z) * jnp.tanh(u[2] + r * v[2]) + z * h,)


def shapes(cell, n, m):
    if cell == "rnn_tanh":
        return {"W": (n, n), "U": (n, m), "b": (n,)}
    gates = 4 if cell == "lstm" else 3
    biases = {"b": (4, n)} if cell == "lstm" else {"bx": (3, n), "bh": (3, n)}
    return {"Wh": (gates, n, n), "Wx": (gates, n, m), **biases}


CELLS = {"rnn_tanh": rnn_tanh, "lstm": lstm, "gru": gru}


def loss_of(readout, o, y):
    """Of each row of outputs."""
    if readout == "linear_mse":
        return jnp.mean((o - y) ** 2, -1)
    if readout == "linear_bernoulli":
        return jnp.mean(jnp.logaddexp(o, 0) - y * o, -1)
    return y.sum(-1) * jax.nn.logsumexp(o, -1) - (y * o).sum(-1)


class Backprop:
    def __init__(self, workload):
        self.w = workload
        if workload["rule"] != "bptt" or workload["cell"] not in CELLS or workload["online"]:
            raise protocol.Skip(f"no rule {workload['rule']} on {workload['cell']} in JAX here")
        if workload["header"].get("n", -1) != -1 or workload["threads"] != 1:
            raise protocol.Skip("windows over all steps and one thread only")
        jax.config.update("jax_enable_x64", workload["dtype"] == "f64")
        real = jnp.float64 if workload["dtype"] == "f64" else jnp.float32
        z, key = workload["sizes"], jax.random.PRNGKey(1)
        n, m, k = z["n"], z["m"], z["k"]
        draw = lambda shape: jax.random.uniform(key, shape, real, -(n**-0.5), n**-0.5)
        self.p = {f"net.{name}": draw(shape) for name, shape in shapes(workload["cell"], n, m).items()}
        self.p.update({"L.V": draw((k, n)), "L.b": draw((k,))})
        rows = (workload["T"], workload["batch"])
        self.x, self.y = jax.random.uniform(key, (*rows, m), real, -1, 1), jax.random.uniform(key, (*rows, k), real)
        if workload["readout"] == "linear_softmax":
            self.y = jax.nn.one_hot(jax.random.randint(key, rows, 0, k), k, dtype=real)
        self.mask = jnp.ones(rows, real)
        self.start = tuple(jnp.zeros((rows[1], n), real) for _ in range(2 if workload["cell"] == "lstm" else 1))
        self.adam = (jax.tree.map(jnp.zeros_like, self.p), jax.tree.map(jnp.zeros_like, self.p), jnp.zeros((), real))
        self.update = jax.jit(self.step, donate_argnums=(0, 1))
        self.call()  # compiles

    def loss(self, p, x, y, mask, start):
        net = {name[4:]: v for name, v in p.items() if name.startswith("net.")}

        def one(state, x):
            state = CELLS[self.w["cell"]](net, state, x)
            return state, state[0]

        _, h = jax.lax.scan(one, start, x)
        if self.w["loss"] == "last":
            h, y, mask = h[-1], y[-1], mask[-1]
        return (mask * loss_of(self.w["readout"], h @ p["L.V"].T + p["L.b"], y)).sum() / x.shape[1]

    def step(self, p, adam, x, y, mask, start):
        g = jax.grad(self.loss)(p, x, y, mask, start)
        m, v, n = adam
        n = n + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        move = lambda p, m, v: p - 1e-3 * (m / (1 - 0.9**n)) / (jnp.sqrt(v / (1 - 0.999**n)) + 1e-8)
        return jax.tree.map(move, p, m, v), (m, v, n)

    def call(self):
        self.p, self.adam = self.update(self.p, self.adam, self.x, self.y, self.mask, self.start)
        jax.block_until_ready(self.p)

    def check(self, case):
        value = {name: jnp.array(v, jnp.float64) for name, v in case["values"].items()}
        start = tuple(value[f"net.{s}[start]"] for s in ("hc" if self.w["cell"] == "lstm" else "h"))
        p = {name: value[name] for name in self.p}
        x, y, mask = (jnp.array(case[name], jnp.float64) for name in ("x", "y", "loss_mask"))
        g = jax.jit(jax.grad(self.loss))(p, x, y, mask, start)
        named = {("ψ." if name.startswith("net.") else "φ.") + name.split(".")[1]: -v for name, v in g.items()}
        return {"learn": {name: v.tolist() for name, v in named.items()}}


def hello():
    return {"peer": "jax", "versions": {"JAX": jax.__version__}}


if __name__ == "__main__":
    protocol.Server(hello, Backprop).serve()
