#!/usr/bin/env python3
"""Holds a peer of `eligo bench` against eligo: the same numbers in, the same gradients out, in float64.

  peers_test.py ELIGO PEER [ARGUMENT...]     the peer's command; exits with 77 (skipped) if it cannot run here
"""

import json
import random
import subprocess
import sys

TOLERANCE = 1e-9


def values_like(old, draw):
    return [values_like(v, draw) for v in old] if isinstance(old, list) else draw()


def case_of(rule, cell, readout, sizes, steps=4, batch=3, synth="", **more):
    draw = random.Random(f"{rule} {cell} {readout}")
    target = {"linear_softmax": lambda: draw.choice([0.0, 1.0]), "linear_bernoulli": lambda: draw.choice([0.0, 1.0])}
    real = lambda: draw.uniform(-1, 1)
    rows = lambda width, one: [[[one() for _ in range(width)] for _ in range(batch)] for _ in range(steps)]
    return {
        "rule": rule, "cell": cell, "readout": readout, "synth": synth, "sizes": sizes, "dtype": "f64",
        "x": rows(sizes["m"], real), "y": rows(sizes["k"], target.get(readout, real)),
        "loss_mask": [[draw.choice([0.0, 0.5, 1.0]) for _ in range(batch)] for _ in range(steps)], **more,
    }


def cases():
    nets = [("rnn_tanh", "linear_mse"), ("lstm", "linear_softmax"), ("gru", "linear_softmax"), ("lstm", "linear_bernoulli")]
    for cell, readout in nets:
        yield case_of("bptt", cell, readout, {"n": 5, "m": 3, "k": 2})
    for rule in ("bp_lambda", "bp_lambda_authors"):
        for cell, readout in nets:
            if cell != "gru":
                yield case_of(rule, cell, readout, {"n": 4, "m": 3, "k": 2}, synth="linear", show=["s"],
                              hyper={"lambda": 0.7, "gamma": 0.8, "kappa": 0.5})
    yield case_of("bp_lambda", "rnn_tanh", "linear_mse", {"n": 4, "m": 3, "k": 2}, synth="linear", schedule={"e": "dense"})
    yield case_of("sgprop_layers", "sparsenet_residual", "linear_softmax",
                  {"w": 6, "q": 2, "slot": 3, "r": 2, "m": 8, "n": 12, "k": 3}, synth="sparsenet_layers", last=True)
    yield case_of("sgprop_temporal_slots", "sparsenet_inputs", "linear_softmax",
                  {"w": 6, "e": 2, "q": 2, "slot": 3, "r": 2, "m": 4, "n": 12, "k": 3}, synth="sparsenet_slots")
    for rule, cell, synth in (("rtrl", "rnn_tanh", ""), ("snap1", "rnn_tanh", ""), ("uoro", "rnn_tanh", ""), ("rflo", "rnn_leaky", "feedback")):
        yield case_of(rule, cell, "linear_mse", {"n": 5, "m": 3, "k": 2}, batch=1, synth=synth,
                      show=["ν"] if rule == "uoro" else [])


def evaluate(eligo, case):
    done = subprocess.run([eligo, "eval", "/dev/stdin", "--out", "-"], input=json.dumps(case), text=True, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def with_values(eligo, case):
    """Random numbers for whatever the case can set: parameters, starts, weights; wirings stay as they were drawn."""
    if case.pop("last", False):  # a feed-forward net: one loss, behind the last layer
        case["loss_mask"] = [[0.0] * len(row) for row in case["loss_mask"][:-1]] + case["loss_mask"][-1:]
    draw = random.Random(7)
    values = {}
    for name, old in evaluate(eligo, case)["values"].items():
        wiring = name in ("net.parent", "net.pixel", "net.reader")
        share = name == "mix"
        values[name] = old if wiring else values_like(old, (lambda: draw.uniform(0.2, 0.9)) if share else
                                                      (lambda: draw.gauss(0, 0.5)))
    return {**case, "values": values}


def flat(value):
    return [x for v in value for x in flat(v)] if isinstance(value, list) else [value]


def difference(ours, theirs):
    ours, theirs = flat(ours), flat(theirs)
    if len(ours) != len(theirs):
        return float("inf")
    scale = max(map(abs, ours), default=0) or 1
    return max((abs(a - b) for a, b in zip(ours, theirs)), default=0) / scale


class Peer:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            return json.loads(line)
        if self.process.wait() == 3:
            print("skipped: this peer's libraries are not here")
            sys.exit(77)
        sys.exit("the peer ended without an answer")


def compare(case, ours, theirs):
    """The largest difference of any gradient, and of a rule's weights; None where the peer does not do the case."""
    if "skip" in theirs:
        return None
    if "learn" not in theirs:
        sys.exit(f"{case['rule']} on {case['cell']}: {theirs.get('error')}\n{theirs.get('trace', '')}")
    if set(theirs["learn"]) != set(ours["learn"]):
        sys.exit(f"{case['rule']} on {case['cell']}: gradients of {sorted(theirs['learn'])}, expected {sorted(ours['learn'])}")
    worst = max(difference(ours["learn"][name], theirs["learn"][name]) for name in ours["learn"])
    for name, value in theirs.get("values", {}).items():
        worst = max(worst, difference(ours["values"][name], value))
    return worst


def main():
    eligo, peer = sys.argv[1], Peer(sys.argv[2:])
    peer.ask({"do": "hello"})
    done = failed = 0
    for case in cases():
        case = with_values(eligo, case)
        ours = evaluate(eligo, case)
        theirs = peer.ask({"do": "check", "case": {**case, "shown": ours.get("steps", {})}})
        worst = compare(case, ours, theirs)
        name = " ".join(filter(None, (case["rule"], case["cell"], case["readout"], str(case.get("schedule", "")))))
        if worst is None:
            continue
        done += 1
        failed += not worst < TOLERANCE
        print(f"{'ok    ' if worst < TOLERANCE else 'FAILED'} {name}: {worst:.2g}")
    if done == 0:
        sys.exit("the peer does none of the cases")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
