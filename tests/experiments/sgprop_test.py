"""SGProp, Zhang et al. 2026: the bandit and the labyrinths (figures 2, 3, 5, 7), in their quick forms."""
import csv
import unittest

import experiments as e


# A fault that anybody could make: the predictors learn the opposite.
def opposite(rule):
    return (rule, ("learn θ += ", "learn θ -= "))


class Bandit(unittest.TestCase):
    """With a tenth of the rewards false, mixed gradients learn to name digits; with predictions alone it is much slower (the
    keys of actions alone, on features that do not learn, come to some 0.2)."""

    ALONE = "SGProp, fixed, λ = 0.0"

    def returns(self, **options):
        rows = e.summary(e.run("sgprop_bandit", **options))
        return {name: e.mean(row, "final_score") for name, row in rows.items()}

    def test_weights_that_adapt_learn_best(self):
        score = self.returns()
        self.assertGreater(score["SGProp, adaptive"], 0.33)
        self.assertGreater(score["SGProp, adaptive"], score[self.ALONE] + 0.05)

    def test_broken_rules_are_seen(self):
        self.assertLess(self.returns(rules=e.broken(*opposite("sgprop_layers.eli")))["SGProp, adaptive"], 0.2)
        self.assertLess(self.returns(rules=e.broken(*opposite("sgprop_layers_fixed.eli")))[self.ALONE], 0.16)


class Labyrinth(unittest.TestCase):
    """Of the last 40 batches' episodes, so many end at the goal."""

    def successes(self, name, **options):
        with open(e.run(name, **options) / "metrics.csv") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "train" and int(row["epoch"]) > 8]
        variants = {row["variant"] for row in rows}
        return {v: e.mean([row for row in rows if row["variant"] == v], "success") for v in variants}

    def test_sparse_nets_learn(self):
        for name in ("labyrinth_escape", "labyrinth_explore"):
            success = self.successes(name)
            self.assertGreater(success["SGProp, 20 environments"], 0.45)
            self.assertGreater(success["sparse, 20 environments"], 0.45)

    def test_broken_rules_are_seen(self):
        success = self.successes("labyrinth_escape", rules=e.broken(*opposite("sgprop_temporal_slots.eli")))
        self.assertLess(success["SGProp, 20 environments"], 0.4)


if __name__ == "__main__":
    e.main()
