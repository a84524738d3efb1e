"""Czarnecki et al. 2017: where synthetic gradients end, deep nets, and pictures of their layers, in quick forms."""
import subprocess
import sys
import unittest

import experiments as e


class Table2(unittest.TestCase):
    """Last loss with a synthetic gradient, less that of backpropagation, mean over the data sets."""

    def differences(self, **options):
        rows = e.summary(e.run("czarnecki_table2", **options))
        loss = {name: e.mean(row, "final_loss") for name, row in rows.items()}
        return {name.replace(", SG", ""): loss[name] - loss[name.replace("SG", "backprop")] for name in loss if ", SG" in name}

    def test_squared_error_ends_where_backprop_does_and_log_loss_of_separable_data_does_not(self):
        left = self.differences()
        for labels in ("linear", "noisy", "random"):
            for model in ("shallow", "deep"):
                self.assertLess(abs(left[f"{model} MSE, task.labels = {labels}"]), 1e-4, labels)
        self.assertGreater(left["shallow log, task.labels = linear"], 0.005)
        self.assertLess(abs(left["shallow log, task.labels = random"]), 1e-3)
        self.assertLess(left["shallow log, task.labels = noisy"], left["shallow log, task.labels = linear"])

    def test_broken_rules_are_seen(self):
        left = self.differences(rules=e.broken("sg.eli", ("where(t == p, 1, 0) *", "-where(t == p, 1, 0) *")))
        self.assertGreater(left["shallow MSE, task.labels = linear"], 1e-2)


class Depth(unittest.TestCase):
    """Figure 4: a synthetic gradient in the middle of a net; Table 1: what else may replace the gradient."""

    def test_one_synthetic_gradient_comes_close_to_backprop(self):
        score = {name: e.mean(rows, "test_score") for name, rows in e.summary(e.run("czarnecki_depth")).items()}
        self.assertGreater(score["backprop"], 0.95)
        self.assertGreater(score["one SG"], 0.9)
        self.assertGreater(score["DFA"], 0.9)
        self.assertGreater(score["FA"], 0.6)

    def test_broken_rules_are_seen(self):
        out = e.run("czarnecki_depth", "--only", "one SG", rules=e.broken("sg.eli", ("u[t] - G[t]", "-u[t] - G[t]")))
        self.assertLess(e.mean(e.summary(out)["one SG"], "test_score"), 0.8)


def analysis(script, run, folder, *arguments):
    out = run / folder
    command = [sys.executable, "-B", e.PROJECT / "scripts" / script, run, out, "--eligo", e.ELIGO, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return out


class Layers(unittest.TestCase):
    """Figures 3, 5, 7, 8: what each layer represents."""

    def test_labels_become_alike_from_layer_to_layer(self):
        run = e.run("czarnecki_depth", "--only", "backprop", "--only", "one SG")
        out = analysis("representations.py", run, "layers", "--samples", "200", "--probes", "500")
        rows = e.table((out / "layers.csv").read_text())
        for name in ("backprop", "one SG"):
            layers = rows[name]
            self.assertEqual(len(layers), 6)
            self.assertEqual(float(layers[-1]["block_distance"]), 0)
            self.assertLess(float(layers[-1]["within"]), float(layers[0]["within"]) - 0.05)
            self.assertGreater(float(layers[-1]["between"]) - float(layers[-1]["within"]), 0.4)
            self.assertGreater(float(layers[-1]["probe_accuracy"]), 0.95)
            self.assertGreater(float(layers[-1]["input_mse"]), float(layers[0]["input_mse"]))
            self.assertAlmostEqual(sum(float(layer["weight_norm"]) for layer in layers[1:]), 1, places=5)
        self.assertEqual((out / "rsm.svg").read_text().count("<image"), 12)


class Surface(unittest.TestCase):
    """Figure 2: the loss that a linear synthesiser implies follows the true one."""

    def test_the_implied_loss_follows_the_true_one(self):
        run = e.run("czarnecki_surface")
        out = analysis("loss_surface.py", run, "surface")
        rows = e.table((out / "surface.csv").read_text())
        self.assertEqual(rows["MSE, one SG"][0]["layer"], "5")
        self.assertGreater(float(rows["MSE, one SG"][0]["correlation"]), 0.6)
        every = [float(row["correlation"]) for row in rows["MSE, SG at every layer"]]
        self.assertEqual(len(every), 5)
        self.assertGreater(every[-1], 0.6)
        self.assertEqual((out / "surface.svg").read_text().count("<image"), 2 * (2 + 6))


if __name__ == "__main__":
    e.main()
