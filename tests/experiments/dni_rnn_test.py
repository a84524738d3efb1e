"""Recurrent nets with synthetic gradients, Jaderberg et al. 2017, supplement: copy, repeat copy and characters, in their quick forms."""
import unittest

import experiments as e

# The synthesiser learns the opposite of the gradient.
WRONG_SIGN = ("n_step_sg.eli", ("learn θ += (v[start]", "learn θ -= (v[start]"))
AUX_WRONG_SIGN = ("dni_aux.eli", ("learn θ += (v[start]", "learn θ -= (v[start]"))


def solved(name, **options):
    rows = e.summary(e.run(name, **options))
    return {variant: e.mean(row, "solved") for variant, row in rows.items()}


class Copying(unittest.TestCase):
    # Copying, five seeds: DNI 11 each, DNI + Aux 11 but for one, BPTT 9 each; with the wrong sign 5 each.
    def test_synthetic_gradients_copy_longer_sequences(self):
        length = solved("dni_copy")
        self.assertGreater(length["DNI, n = 5"], length["BPTT, n = 5"])
        self.assertGreaterEqual(length["DNI + Aux, n = 5"], length["BPTT, n = 5"])

    def test_broken_rules_are_seen(self):
        for fault, variant in ((WRONG_SIGN, "DNI, n = 5"), (AUX_WRONG_SIGN, "DNI + Aux, n = 5")):
            length = solved("dni_copy", rules=e.broken(*fault))
            self.assertLess(length[variant], length["BPTT, n = 5"])

    # With the wrong sign nothing is solved at all.
    def test_repeating(self):
        length = solved("dni_repeat_copy")
        self.assertGreaterEqual(length["DNI, n = 2"], 7)
        self.assertLess(solved("dni_repeat_copy", rules=e.broken(*WRONG_SIGN))["DNI, n = 2"], 5)


class Characters(unittest.TestCase):
    """Sentences that the program writes: little is left to guess."""

    def test_all_methods_learn_the_text(self):
        rows = e.summary(e.run("dni_char_lm"))
        for row in rows.values():
            self.assertLess(e.mean(row, "test_score"), 0.8)


if __name__ == "__main__":
    e.main()
