import numpy as np
import pytest

import eligo

FADING = """
rule fading(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper ρ = 0.5 in [0, 1]
  E[t] = ρ*E[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . E[t]
  learn φ -= d(L[t])/d(φ)
}"""


@pytest.fixture(scope="session")
def mine():
    return eligo.source(FADING, name="mine")


@pytest.fixture
def draw():
    return np.random.default_rng(1)


@pytest.fixture
def bptt():
    """A function that compiles bptt on a small tanh network."""

    def compiled(**options):
        given = dict(cell="rnn_tanh", readout="linear_mse", sizes=dict(n=5, m=3, k=2), dtype="f64")
        return eligo.compile("bptt", **{**given, **options})

    return compiled
