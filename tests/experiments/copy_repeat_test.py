"""BP(λ) on the copy-repeat task, Pemberton & Costa 2024, figure 5 and table 2, in its quick form."""
import unittest

import experiments as e

NO_TRACE = ("bp_lambda.eli", ("γ*λ * J[t] . e[t-1] +", "0 * J[t] . e[t-1] +"))
WRONG_SIGN = ("bp_lambda.eli", ("learn θ += δ[t]", "learn θ -= δ[t]"))


def lengths(**options):
    """The length that each method has solved, mean over the seeds."""
    rows = e.summary(e.run("copy_repeat", **options))
    return {name: e.mean(row, "solved") for name, row in rows.items()}


class CopyRepeat(unittest.TestCase):
    # Five seeds: BP(1) 15 each, BP(0) 9 each, BPTT 8 in the mean; without the trace 9 each, with the wrong sign 0.
    def test_a_long_trace_solves_longer_sequences(self):
        solved = lengths()
        self.assertGreaterEqual(solved["BP(1)"], 12)
        self.assertGreater(solved["BP(1)"], solved["BP(0)"])
        self.assertGreater(solved["BP(1)"], solved["BPTT, n = 2"])

    def test_broken_rules_are_seen(self):
        for fault in (NO_TRACE, WRONG_SIGN):
            self.assertLess(lengths(rules=e.broken(*fault))["BP(1)"], 12)


class ListOps(unittest.TestCase):
    """No method has learned it in the quick form, but all are above guessing."""

    def test_is_learned(self):
        rows = e.summary(e.run("listops"))
        self.assertEqual(set(rows), {"BP(0)", "BP(1)", "BPTT (n = 5)"})
        for row in rows.values():
            self.assertGreater(e.mean(row, "test_score"), 0.2)


if __name__ == "__main__":
    e.main()
