"""Sessions: what they compute against NumPy, and that arrays are read and shown where they lie."""

import gc
import threading

import numpy as np
import pytest

import eligo


def by_hand(params, x, y, mask):
    """The gradient of the loss of a tanh network with a mean squared error, [T][B], by backpropagation through time."""
    W, U, b, V, c = (np.array(params[name], np.float64) for name in ("net.W", "net.U", "net.b", "L.V", "L.b"))
    T, B, _ = x.shape
    h, before, outs = np.zeros((B, W.shape[0])), [], []
    states = []
    for t in range(T):
        before.append(h)
        h = np.tanh(h @ W.T + x[t] @ U.T + b)
        states.append(h)
        outs.append(h @ V.T + c)
    loss = sum((mask[t] * np.mean((outs[t] - y[t]) ** 2, axis=1)).mean() for t in range(T))
    grads = {
        name: np.zeros_like(value) for name, value in (("net.W", W), ("net.U", U), ("net.b", b), ("L.V", V), ("L.b", c))
    }
    back = np.zeros_like(h)
    for t in reversed(range(T)):
        error = 2 * mask[t][:, None] * (outs[t] - y[t]) / y.shape[2] / B
        grads["L.V"] += error.T @ states[t]
        grads["L.b"] += error.sum(0)
        delta = (back + error @ V) * (1 - states[t] ** 2)
        grads["net.W"] += delta.T @ before[t]
        grads["net.U"] += delta.T @ x[t]
        grads["net.b"] += delta.sum(0)
        back = delta @ W
    return loss, grads


@pytest.mark.parametrize("layout", ["TB", "BT"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_gradients_are_those_by_hand(bptt, draw, layout, dtype):
    session = eligo.Session(bptt(dtype="f64"), batch=4, steps=6, seed=3)
    x, y = draw.normal(size=(6, 4, 3)).astype(dtype), draw.normal(size=(6, 4, 2)).astype(dtype)
    mask = draw.uniform(size=(6, 4)).astype(dtype)
    loss, grads = by_hand(session.params, x.astype("f8"), y.astype("f8"), mask.astype("f8"))
    turned = (lambda a: np.ascontiguousarray(a.swapaxes(0, 1))) if layout == "BT" else (lambda a: a)
    result = session.run(turned(x), turned(y), mask=turned(mask), layout=layout)
    assert result.loss == pytest.approx(loss, rel=1e-12)
    for name, grad in grads.items():
        np.testing.assert_allclose(result.gathered[name], -grad, rtol=1e-9, atol=1e-13)


def test_any_strides_give_the_same_bits(bptt, draw):
    x, y = draw.normal(size=(8, 6, 6)).astype("f4"), draw.normal(size=(4, 3, 2)).astype("f4")
    losses = []
    for view in (x[::2, ::2, ::2], np.ascontiguousarray(x[::2, ::2, ::2]), np.asfortranarray(x[::2, ::2, ::2])):
        session = eligo.Session(bptt(dtype="f32"), batch=3, steps=4, seed=1)
        losses.append([session.run(view, y).loss for _ in range(3)])
    assert losses[0] == losses[1] == losses[2]


def test_parameters_are_views(bptt, draw):
    session = eligo.Session(bptt(), batch=1, steps=2, seed=1)
    W = session.params["net.W"]
    first = W.copy()
    assert not W.flags.writeable and not W.flags.owndata
    session.set_hyper("optimiser.alpha", 0.1)
    session.run(draw.normal(size=(2, 1, 3)), draw.normal(size=(2, 1, 2)))
    assert not np.array_equal(W, first)  # without a copy it has changed with the session
    session.params["net.W"] = np.eye(5)
    np.testing.assert_array_equal(W, np.eye(5))
    with pytest.raises(ValueError, match=r"shape \(2, 2\) into shape \(5, 5\)"):
        session.params["net.W"] = np.eye(2)


def test_views_keep_their_session(bptt):
    views = []
    for seed in range(20):
        session = eligo.Session(bptt(), seed=seed)
        views.append((seed, session.params["net.W"], session.params["net.W"].copy()))
        del session
    gc.collect()
    for _ in range(20):
        eligo.Session(bptt(), batch=8, steps=8)
    for _, view, copy in views:
        np.testing.assert_array_equal(view, copy)


def test_shown_values_belong_to_their_run(mine, draw):
    program = eligo.compile(
        mine["fading"], cell="rnn_tanh", readout="linear_mse", sizes=dict(n=3, m=2, k=1), dtype="f64", show=["E", "L.o"]
    )
    session = eligo.Session(program, batch=2, steps=4, seed=1)
    result = session.run(draw.normal(size=(4, 2, 2)), draw.normal(size=(4, 2, 1)))
    E = result.shown["E"]
    assert E.shape[:3] == (4, 2, 3) and result.shown["L.o"].shape == (4, 2, 1)
    with pytest.raises(KeyError, match="there are E, L.o"):
        result.shown["F"]
    session.run(np.zeros((1, 2, 2)), np.zeros((1, 2, 1)))
    assert np.isfinite(E).all()
    with pytest.raises(eligo.Error, match="of an earlier run"):
        result.shown["E"]


def test_labels_are_one_hot_targets(draw):
    program = eligo.compile("bptt", cell="gru", readout="linear_softmax", sizes=dict(n=4, m=3, k=5))
    x = draw.normal(size=(6, 7, 3)).astype("f4")
    labels, lengths = draw.integers(0, 5, 6), [7, 3, 1, 7, 2, 5]
    y, mask = np.zeros((6, 7, 5), "f4"), np.zeros((6, 7), "f4")
    for b, (label, length) in enumerate(zip(labels, lengths)):
        y[b, length - 1, label] = mask[b, length - 1] = 1
    losses = [
        eligo.Session(program, batch=6, steps=7, seed=2).run(x, *given, lengths=lengths, layout="BT", learn=False).loss
        for given in ([labels],)
    ]
    losses.append(
        eligo.Session(program, batch=6, steps=7, seed=2)
        .run(x, y, mask=mask, lengths=lengths, layout="BT", learn=False)
        .loss
    )
    assert losses[0] == losses[1]
    with pytest.raises(ValueError, match="y has labels 0 to 5; the readout has classes 0 to 4"):
        eligo.Session(program, batch=2, steps=7).run(x[:2], np.array([0, 5]), layout="BT")


def test_online_steps_in_two_halves_are_steps(draw):
    program = eligo.compile(
        "rtrl",
        cell="rnn_tanh",
        readout="linear_mse",
        sizes=dict(n=4, m=2, k=1),
        update="step",
        outputs=True,
        dtype="f64",
    )
    whole, halves = (eligo.Session(program, batch=3, seed=1, hypers={"optimiser.alpha": 0.1}) for _ in range(2))
    for t in range(6):
        x, y = draw.normal(size=(3, 2)), draw.normal(size=(3, 1))
        loss = whole.step(x, y)
        assert halves.forward(x).shape == (3, 1) and halves.learn(y) == loss
        if t == 2:
            whole.reset([True, False, True])
            halves.reset(np.array([1.0, 0.0, 1.0]))
            with pytest.raises(ValueError, match=r"a mask of shape \(3,\)"):
                halves.reset([0, 2])
    np.testing.assert_array_equal(whole.params["net.W"], halves.params["net.W"])


def test_state_goes_on_to_the_bit(bptt, draw):
    x, y = draw.normal(size=(3, 2, 3)), draw.normal(size=(3, 2, 2))
    first, second = (eligo.Session(bptt(optimiser="adam"), batch=2, steps=3, seed=seed) for seed in (1, 2))
    first.run(x, y)
    second.restore(first.state())
    assert first.run(x, y).loss == second.run(x, y).loss


def test_one_thread_at_a_time(bptt):
    program = eligo.compile("bptt", cell="lstm", readout="linear_mse", sizes=dict(n=200, m=3, k=2))
    session = eligo.Session(program, batch=64, steps=64)
    x, y = np.zeros((64, 64, 3), "f4"), np.zeros((64, 64, 2), "f4")
    said, done = [], threading.Event()

    def others():
        while not done.is_set():
            try:
                session.hyper("optimiser.alpha")
                session.set_hyper("optimiser.alpha", 0.1)
            except eligo.Error as error:
                said.append(str(error))

    thread = threading.Thread(target=others)
    thread.start()
    for _ in range(5):
        session.run(x, y)  # the interpreter's lock is released meanwhile
    done.set()
    thread.join()
    assert any("running in another thread" in one for one in said)


def test_a_look_draws_nothing(draw):
    program = eligo.compile("uoro", cell="rnn_tanh", readout="linear_mse", sizes=dict(n=4, m=2, k=1), dtype="f64")
    x, y = draw.normal(size=(5, 3, 2)), draw.normal(size=(5, 3, 1))
    seen = []
    for looks in (0, 2):
        session = eligo.Session(program, batch=3, steps=5, seed=1, hypers={"optimiser.alpha": 0.1})
        for _ in range(looks):
            session.run(x, y, learn=False)
        session.run(x, y)
        seen.append(session.params["net.W"].copy())
    np.testing.assert_array_equal(*seen)


def test_a_state_that_does_not_fit_changes_nothing(bptt):
    session = eligo.Session(bptt(), seed=1)
    before = session.params["net.W"].copy()
    state = session.state()
    for fault, says in (
        ({"L.b": np.ones(3)}, r"L.b has shape \(2,\), \(3,\) is given"),
        ({"net.b": np.full(5, np.nan)}, "net.b is not finite"),
        ({"other": np.ones(1)}, "has other, which this program has not"),
    ):
        with pytest.raises(eligo.Error, match=says):
            session.restore({**state, "net.W": state["net.W"] + 1, **fault})
        np.testing.assert_array_equal(session.params["net.W"], before)


def test_an_interpreter_that_ends_waits_for_threads():
    import subprocess
    import sys

    code = """
import eligo, numpy as np, threading, time
p = eligo.compile("bptt", cell="lstm", readout="linear_mse", sizes=dict(n=64, m=3, k=2))
s = eligo.Session(p, batch=32, steps=100)
x, y = np.zeros((100, 32, 3)), np.zeros((100, 32, 2))
threading.Thread(target=lambda: [s.run(x, y) for _ in range(100000)], daemon=True).start()
time.sleep(0.5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, "terminate" in done.stderr) == (0, False), done.stderr


def test_a_shown_trace_that_does_not_fit_is_a_message():
    import subprocess
    import sys

    code = """
import eligo, numpy as np, resource
mine = eligo.source('rule r(net: cell, L: readout) { E[t] = 0.5*E[t-1] + d(net.state[t])/d(net.params)\\n'
                    'learn net.params -= d(L[t])/d(net.state[t]) . E[t] }')
p = eligo.compile(mine["r"], cell="rnn_tanh", readout="linear_mse", sizes=dict(n=8, m=2, k=1), show=["E"])
s = eligo.Session(p, batch=100, steps=600)
r = s.run(np.zeros((600, 100, 2), "f4"), np.zeros((600, 100, 1), "f4"))
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 200_000_000, resource.RLIM_INFINITY))
try:
    r.shown["E"]
except eligo.Error as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "E of 600 rows and 100 examples takes" in done.stdout, done.stdout + done.stderr
