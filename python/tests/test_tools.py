"""The tools of the command, from Python."""

import numpy as np
import pytest

import eligo


def test_check_says_time_and_locality(mine):
    report = eligo.check(mine)
    assert report.startswith("rule fading: online") and "the trace E" in report and "/tmp" not in report


def test_explain_and_dump(mine):
    program = eligo.compile(mine["fading"], cell="rnn_tanh", readout="linear_mse", sizes=dict(n=4, m=2, k=1))
    explanation = program.explain(batch=8)
    assert "mine:fading" in str(explanation) and explanation.data["batch"] == 8
    assert "define" in program.dump("llvm") and "graph" in program.stages
    with pytest.raises(eligo.Error, match="stage"):
        program.dump("nothing")


def test_gradcheck(mine):
    assert eligo.gradcheck(mine["fading"])
    assert eligo.gradcheck("bptt", cell="lstm", dtype="f64")


def test_compare(mine):
    made = eligo.compare(
        mine["fading"],
        "bptt",
        "task=delayed_target",
        "model.cell=rnn_tanh",
        "model.readout=linear_mse",
        "model.n=6",
        updates=3,
    )
    assert len(made.data["updates"]) == 3 and "mine:fading" in str(made)


def test_catalog():
    names = {one.name for one in eligo.catalog("rule")}
    assert {"bptt", "rtrl", "bp_lambda"} <= names and "<table>" in eligo.catalog()._repr_html_()


def test_runs(tmp_path):
    run = eligo.run(
        "quick_start",
        "train.epochs=2",
        "train.batches_per_epoch=10",
        only=["BP(1)", "full BPTT"],
        out=str(tmp_path / "run"),
    )
    assert run.complete and [row["variant"] for row in run.summary] == ["BP(1)", "full BPTT"]
    assert all(np.isfinite(row["loss"]) for row in run.metrics) and "BP(1)" in repr(run)
    assert eligo.load(run.folder).params()["net.W"].shape == (30, 30)
    with pytest.raises(FileNotFoundError, match="not the folder of a run"):
        eligo.load(tmp_path)


def test_a_run_that_is_stopped_goes_on(tmp_path):
    asked = iter([False] * 5 + [True] * 10**6)
    run = eligo.run(
        "quick_start",
        "train.epochs=2",
        "train.batches_per_epoch=10",
        only=["full BPTT"],
        out=str(tmp_path / "run"),
        until=lambda: next(asked),
    )
    assert not run.complete
    again = eligo.resume(run.folder)
    whole = eligo.run(
        "quick_start", "train.epochs=2", "train.batches_per_epoch=10", only=["full BPTT"], out=str(tmp_path / "whole")
    )
    assert again.complete and again.summary[0]["final_loss"] == whole.summary[0]["final_loss"]


def test_generators_are_gone_through_once(bptt):
    session = eligo.Session(bptt(), batch=2, steps=2)
    batches = ((np.zeros((2, 2, 3)), np.zeros((2, 2, 2))) for _ in range(2))
    with pytest.raises(ValueError, match="no batches in epoch 2"):
        eligo.data.train(session, batches, epochs=2, progress=False)


def test_slips_in_options():
    with pytest.raises(TypeError, match="there is no option optimizer; did you mean optimiser?"):
        eligo.compile("bptt", optimizer="adam")
    with pytest.raises(TypeError, match="sizes are .*; expected whole numbers"):
        eligo.compile("bptt", cell="rnn_tanh", readout="linear_mse", sizes=dict(n=3.5, m=1, k=1))
    with pytest.raises(ValueError, match="kind is 'cells'"):
        eligo.catalog("cells")


def test_train_on_batches(draw):
    x, y = draw.normal(size=(40, 5, 2)).astype("f4"), draw.integers(0, 2, 40)
    program = eligo.compile("bptt", cell="gru", readout="linear_softmax", sizes=dict(n=8, m=2, k=2), optimiser="adam")
    session = eligo.Session(program, batch=16, steps=5, seed=1, hypers={"optimiser.alpha": 1e-2})
    losses = eligo.data.train(session, eligo.data.Arrays(x, y, batch=16), epochs=40, progress=False)
    assert len(losses) == 40 and losses[-1] < 0.75 * losses[0]
    seen = []
    eligo.data.train(
        session,
        eligo.data.Arrays(x, y, batch=16),
        epochs=9,
        progress=False,
        on_batch=lambda number, loss: seen.append(number) or len(seen) == 4,
    )
    assert seen == [0, 1, 2, 0]
