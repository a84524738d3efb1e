"""BP(λ), Pemberton & Costa 2024: figures 2, 3, 4 and table 2, in their quick forms."""
import unittest

import experiments as e

# Faults that anybody could make in a rule: the trace no longer goes back through time, the target has the wrong sign.
NO_TRACE = ("bp_lambda.eli", ("γ*λ * J[t] . e[t-1] +", "0 * J[t] . e[t-1] +"))
WRONG_SIGN = ("bp_lambda.eli", ("learn θ += δ[t]", "learn θ -= δ[t]"))


class Fixed(unittest.TestCase):
    """Credit of each step, mean over the steps: the longer the trace, the better it points along the gradient."""

    def cosines(self, **options):
        rows = e.report(e.run("delayed_target_fixed", **options), credit=True)
        return {name: float(row["credit_cosine"]) for name, row in rows.items()}

    def test_lambda_aligns_the_early_steps(self):
        cosine = self.cosines()
        self.assertGreater(cosine["BP(1)"], 0.75)
        self.assertGreater(cosine["BP(1)"], cosine["BP(0)"] + 0.2)

    def test_broken_rules_are_seen(self):
        for fault in (NO_TRACE, WRONG_SIGN):
            cosine = self.cosines(rules=e.broken(*fault))
            self.assertLess(cosine["BP(1)"], 0.75)


class Plastic(unittest.TestCase):
    def losses(self, **options):
        rows = e.summary(e.run("delayed_target_plastic", **options))
        return {name: e.mean(row, "final_loss") for name, row in rows.items()}

    def test_bp_1_learns_what_truncation_does_not(self):
        loss = self.losses()
        self.assertLess(loss["BP(1)"], 0.0125)
        self.assertGreater(loss["n-step SG (n = 3)"], 0.1)

    def test_broken_rules_are_seen(self):
        for fault in (NO_TRACE, WRONG_SIGN):
            self.assertGreater(self.losses(rules=e.broken(*fault))["BP(1)"], 0.0125)


class Digits(unittest.TestCase):
    """Digits that the program draws: the order of table 2."""

    def accuracies(self, **options):
        rows = e.summary(e.run("seq_mnist", **options))
        return {name: e.mean(row, "test_score") for name, row in rows.items()}

    def test_order_of_the_methods(self):
        score = self.accuracies()
        self.assertGreater(score["BP(0)"], score["no BPTT (n = 1)"] + 0.08)
        self.assertGreater(score["BP(1)"], score["BP(0)"] + 0.15)

    def test_broken_rules_are_seen(self):
        for fault in (NO_TRACE, WRONG_SIGN):
            score = self.accuracies(rules=e.broken(*fault))
            self.assertLess(score["BP(1)"], score["BP(0)"] + 0.15)


if __name__ == "__main__":
    e.main()
