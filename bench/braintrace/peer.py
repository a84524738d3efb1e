"""braintrace beside eligo: online rules as this library of JAX has them. See protocol.py for what it speaks.

What its algorithms compute was held against gradients of the unrolled net, in float64: SnAp(n=2) on a tanh net is RTRL to
rounding, SnAp(n=1) keeps each unit's own parameters, which is eligo's snap1. D_RTRL and EProp are both the
gradient truncated to one step, which no row is about. UORO draws signs of its own and normalises otherwise: its
gradients can be compared on average only, so it is no peer."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "protocol"))
import protocol  # noqa: E402

# One thread: XLA takes as many as it has processors.
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
try:
    import brainstate
    import braintrace
    import jax
    import jax.numpy as jnp
except ImportError:
    print("braintrace is not installed (pip install braintrace)", file=sys.stderr)
    sys.exit(3)
if not hasattr(braintrace, "SnAp"):  # a folder of that name, not the library
    sys.exit(3)

STEPS = 64  # steps of data that are taken in turn
RULES = {"rtrl": 2, "snap1": 1}  # the order of SnAp: from 2 on nothing of a dense net is left out
RATE = 1e-2


class Online:
    def __init__(self, workload):
        if workload["rule"] not in RULES:
            raise protocol.Skip(f"braintrace has no {workload['rule']} that computes the same")
        if (workload["cell"], workload["readout"]) != ("rnn_tanh", "linear_mse"):
            raise protocol.Skip("a tanh net with linear_mse only")
        if workload["batch"] != 1 or workload["threads"] != 1:
            raise protocol.Skip("one example at a time, one thread")
        double = workload["dtype"] == "f64"
        jax.config.update("jax_enable_x64", double)
        brainstate.environ.set(precision=64 if double else 32)
        self.real = jnp.float64 if double else jnp.float32
        sizes, key = workload["sizes"], jax.random.PRNGKey(1)
        n, m, k = sizes["n"], sizes["m"], sizes["k"]
        self.n, self.m = n, m
        draw = lambda *shape: jax.random.uniform(key, shape, self.real, -(n**-0.5), n**-0.5)
        self.cell = braintrace.nn.ValinaRNNCell(m, n, activation="tanh")
        self.learner = braintrace.compile(self.cell, braintrace.SnAp, jnp.zeros((1, m), self.real), batch_size=1,
                                          n=RULES[workload["rule"]], snap_max_jacobian_elements=1 << 40)
        self.out = brainstate.ParamState({"V": draw(k, n), "b": draw(k)})
        self.recurrent = next(iter(self.cell.states(brainstate.ParamState).values()))
        self.recurrent.value = {"weight": draw(m + n, n), "bias": draw(n)}
        self.parameters = {"net": self.recurrent, "out": self.out}
        self.gradient = brainstate.transform.grad(self.loss, self.parameters)
        self.update = brainstate.transform.jit(self.step)
        self.xs = jax.random.uniform(key, (STEPS, 1, m), self.real, -1, 1)
        self.ys = jax.random.uniform(key, (STEPS, 1, k), self.real)
        self.at = 0
        self.call()  # compiles

    def loss(self, x, y, weight):
        o = self.learner(x) @ self.out.value["V"].T + self.out.value["b"]
        return weight * jnp.mean((o - y) ** 2)

    def step(self, x, y):
        gradients = self.gradient(x, y, self.real(1))
        for name, parameter in self.parameters.items():
            parameter.value = jax.tree.map(lambda p, g: p - self.real(RATE) * g, parameter.value, gradients[name])

    def call(self):
        self.update(self.xs[self.at], self.ys[self.at])
        self.at = (self.at + 1) % STEPS
        jax.block_until_ready(self.out.value)

    def check(self, case):
        value = {name: jnp.array(v, self.real) for name, v in case["values"].items()}
        self.learner.reset_state(batch_size=1)
        self.cell.h.value = value["net.h[start]"]
        self.recurrent.value = {"weight": jnp.concatenate([value["net.U"].T, value["net.W"].T]), "bias": value["net.b"]}
        self.out.value = {"V": value["L.V"], "b": value["L.b"]}
        gradient = brainstate.transform.jit(self.gradient)
        sums = None
        for x, y, weight in zip(case["x"], case["y"], case["loss_mask"]):
            found = gradient(jnp.array(x, self.real), jnp.array(y, self.real), jnp.array(weight[0], self.real))
            sums = found if sums is None else jax.tree.map(jnp.add, sums, found)
        U, W = jnp.split(sums["net"]["weight"].T, [self.m], axis=1)
        named = {"ψ.W": W, "ψ.U": U, "ψ.b": sums["net"]["bias"], "φ.V": sums["out"]["V"], "φ.b": sums["out"]["b"]}
        return {"learn": {name: (-g).tolist() for name, g in named.items()}}


def hello():
    return {"peer": "braintrace",
            "versions": {"braintrace": braintrace.__version__, "JAX": jax.__version__, "BLAS": "XLA's own"}}


if __name__ == "__main__":
    protocol.Server(hello, Online).serve()
