"""Errors are Python's own, show the place, and name what is wrong."""

import numpy as np
import pytest

import eligo


def test_faults_of_a_rule_have_their_place():
    with pytest.raises(eligo.RuleError) as caught:
        eligo.source("rule a(net: cell) {\n  learn net.parms -= 1\n}", name="cell 3")
    error = caught.value
    assert (error.code, error.path, error.line) == ("E0310", "cell 3", 2)
    assert "did you mean `net.params`?" in error.help[0]
    assert "cell 3:2:" in str(error) and "^^^^^^^^^" in str(error) and "/tmp" not in str(error)
    assert "<pre" in error._repr_html_() and isinstance(error, eligo.Error)


def test_all_faults_are_told():
    with pytest.raises(eligo.RuleError) as caught:
        eligo.source("rule a(net: cell) {\n learn net.parms -= 1\n learn net.paras -= 1\n}")
    assert len(caught.value.diagnostics) == 2


def test_names_that_are_none():
    with pytest.raises(eligo.Error, match="there is no rule bpt; did you mean bptt?"):
        eligo.compile("bpt", cell="rnn_tanh")
    with pytest.raises(KeyError, match="there is no fadin in mine; it has fading"):
        eligo.source("rule fading(net: cell, L: readout) { learn L.params -= d(L[t])/d(L.params) }", name="mine")[
            "fadin"
        ]


def test_missing_sizes(bptt):
    with pytest.raises(eligo.Error, match="n"):
        bptt(sizes={})


@pytest.mark.parametrize(
    "shape, layout, says",
    [
        ((4, 2), "TB", r"x has shape \(4, 2\); expected \(T, B, 3\)"),
        ((4, 2, 5), "BT", r"expected \(B, T, 3\): its last axis has 5 instead of 3"),
        ((4, 2, 3, 1), "TB", "expected"),
    ],
)
def test_wrong_shapes(bptt, shape, layout, says):
    session = eligo.Session(bptt(), batch=4, steps=4)
    with pytest.raises(ValueError, match=says):
        session.run(np.zeros(shape), np.zeros((4, 2, 2)), layout=layout)


def test_arrays_that_do_not_go_together(bptt):
    session = eligo.Session(bptt(), batch=4, steps=4)
    x = np.zeros((4, 2, 3))
    with pytest.raises(ValueError, match="y has shape .* for 3 steps of 2 examples; x has 4 steps of 2"):
        session.run(x, np.zeros((3, 2, 2)))
    with pytest.raises(ValueError, match="lengths has 3 entries; there are 2 examples"):
        session.run(x, np.zeros((4, 2, 2)), lengths=[1, 2, 3])
    with pytest.raises(ValueError, match="layout is \"?'?BTC"):
        session.run(x, np.zeros((4, 2, 2)), layout="BTC")
    with pytest.raises(eligo.Error, match="5 steps|most"):
        session.run(np.zeros((5, 2, 3)), np.zeros((5, 2, 2)))


def test_wrong_types(bptt):
    session = eligo.Session(bptt(), batch=2, steps=2)
    with pytest.raises(TypeError, match="x has dtype complex128; use float32 or float64"):
        session.run(np.zeros((2, 2, 3), complex), np.zeros((2, 2, 2)))
    with pytest.raises(TypeError, match="x has dtype object"):
        session.run(np.full((2, 2, 3), None), np.zeros((2, 2, 2)))


def test_numbers_that_are_not_finite(bptt):
    session = eligo.Session(bptt(), batch=2, steps=2)
    x = np.zeros((2, 2, 3))
    x[1, 0, 2] = np.nan
    with pytest.raises(eligo.Error, match="x is nan at step 2 of example 1"):
        session.run(x, np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"x\[1, 0, 2\] is nan"):
        eligo.data.Arrays(x)
