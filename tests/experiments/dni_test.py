"""Decoupled neural interfaces, Jaderberg et al. 2017: feed-forward nets, in their quick forms."""
import unittest

import experiments as e


def accuracies(name, *arguments, **options):
    summary = e.summary(e.run(name, *arguments, **options))
    return {variant: e.mean(rows, "test_score") for variant, rows in summary.items()}


class EveryLayer(unittest.TestCase):
    """Table 2: with labels, layers that learn from predictions alone come as far as with backpropagation."""

    def test_labelled_interfaces_learn_as_backprop(self):
        score = accuracies("dni_fcn")
        self.assertGreater(score["backprop"], 0.95)
        self.assertGreater(score["cDNI"], score["backprop"] - 0.02)
        self.assertLess(score["no backprop"], 0.75)

    def test_broken_rules_are_seen(self):
        for fault in (("learn θ +=", "learn θ -="), ("+ G[t+1] .", "- G[t+1] .")):
            score = accuracies("dni_fcn", "--only", "cDNI", rules=e.broken("sg_every_layer.eli", fault))
            self.assertLess(score["cDNI"], 0.96)


class WithoutLabels(unittest.TestCase):
    """DNI as such: a prediction from the layer alone, with a larger synthesiser that learns faster than the net."""

    def accuracy(self, **options):
        return accuracies("dni_fcn", "--only", "DNI", "task.layers=2", "model.hidden=256", "optimiser.psi.alpha=2e-4",
                          "optimiser.alpha=2e-3", "train.epochs=15", **options)["DNI"]

    def test_interfaces_learn(self):
        self.assertGreater(self.accuracy(), 0.75)

    def test_broken_rules_are_seen(self):
        self.assertLess(self.accuracy(rules=e.broken("dni_every_layer.eli", ("learn θ +=", "learn θ -="))), 0.5)


class Single(unittest.TestCase):
    """Figure 3c: below the one interface the net learns from a prediction, which a zero cannot replace."""

    def test_a_prediction_is_better_than_no_gradient(self):
        score = accuracies("dni_single")
        self.assertGreater(score["DNI"], 0.9)
        self.assertGreater(score["DNI"], score["no gradient"] + 0.04)

    def test_broken_rules_are_seen(self):
        rules = e.broken("sg.eli", ("where(t == p, 1, 0) *", "-where(t == p, 1, 0) *"))
        score = accuracies("dni_single", "--only", "DNI", rules=rules)
        self.assertLess(score["DNI"], 0.8)


class Unlocked(unittest.TestCase):
    """Figure 6: neither inputs nor gradients are waited for."""

    def test_unlocked_layers_learn(self):
        score = accuracies("dni_unlock")
        self.assertGreater(score["unlocked, given labels"], 0.8)

    def test_broken_rules_are_seen(self):
        for fault in (("learn η +=", "learn η -="), ("learn θ +=", "learn θ -=")):
            rules = e.broken("cdni_unlock.eli", fault)
            score = accuracies("dni_unlock", "--only", "unlocked, given labels", rules=rules)
            self.assertLess(score["unlocked, given labels"], 0.7)


if __name__ == "__main__":
    e.main()
