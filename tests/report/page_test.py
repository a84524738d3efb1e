#!/usr/bin/env python3
"""The page of `eligo report` in a real browser: its numbers against NumPy's, its curves, hovering, sizes, colours, and
that nothing of a run's text becomes markup.

Usage: page_test.py ELIGO FOLDER    (pictures of the pages go to FOLDER)"""
import csv
import json
import pathlib
import re
import sys

import numpy as np

from browser import Browser
from command import eligo, experiment, in_scratch_folder

PICTURES = pathlib.Path(sys.argv[2]).resolve()
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>&amp;\\u003c"
SEEDS = [0, 1, 2]

RULE = f"""# A rule of the test {HOSTILE}
# paper: nobody <b onclick=window.hacked=3>
rule mine(net: cell, L: readout) {{
  let s = net.state, ψ = net.params, φ = L.params
  hyper ρ = 0.5 in [0, 1]   # <!-- {HOSTILE} --> ]]>

  E[t] = ρ*E[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . E[t] + d(L[t])/d(ψ | s[t])
  learn φ -= d(L[t])/d(φ)
}}
"""


def write_experiment():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(90, 6, 2)).astype("f4"), draw.integers(0, 3, 90)
    np.savez("d.npz", x=x, y=y)
    pathlib.Path("mine.eli").write_text(RULE)
    names = ["full", HOSTILE, *(f"λ {i}" for i in range(9)), "one step"]
    rules = {"full": "", "one step": "rule.n = 1"}
    top = "\n".join([f"name = {json.dumps('page ' + HOSTILE)}", f"seeds = {SEEDS}",
                     f"description = {json.dumps('what is compared ' + HOSTILE)}"])
    variants = [(json.dumps(name), rules.get(name, f'rule.name = "mine"\nrule.rho = {i / 12}'))
                for i, name in enumerate(names)]
    text = experiment(top, """[task]
name = "arrays"
data = "d.npz"
[model]
cell = "rnn_tanh"
readout = "linear_softmax"
n = 6""", "batch = 9\nepochs = 5\nlog_every = 3", variants)
    pathlib.Path("e.toml").write_text(text)
    return names


def mean_and_error(values):
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


def read_text(text):
    """"(4.7 ± 4.3)e-16" as two numbers, and half a unit of the last digit."""
    found = re.fullmatch(r"\(?(-?[\d.]+)(?:e(-?\d+))? ± ([\d.]+)(?:e(-?\d+))?\)?(?:e(-?\d+))?", text)
    assert found, text
    scale = 10.0 ** int(found[5] or 0)
    digits = len(found[1].partition(".")[2])
    mean, error = (float(f"{found[i]}e{found[i + 1] or 0}") for i in (1, 3))
    return mean * scale, error * scale, 0.51 * 10.0 ** -digits * scale


class Page:
    def __init__(self, browser):
        self.browser = browser

    def cells(self, id):
        return self.browser.evaluate(f"[...document.querySelectorAll('#{id} tr')].map(r => "
                                     "[...r.children].map(c => c.textContent))")

    def check_results(self, run, names):
        rows = self.cells("results")
        heading = rows[0]
        assert [row[0] for row in rows[1:]] == names, rows
        assert "standard error" in self.browser.evaluate("document.querySelector('#results p').textContent")
        summary = list(csv.DictReader(open(f"{run}/summary.csv")))
        for row in rows[1:]:
            mine = [r for r in summary if r["variant"] == row[0]]
            assert row[heading.index("seeds")] == f"{len(SEEDS)} seeds", row
            for column, name, scale in (("last loss", "final_loss", 1), ("best loss", "best_loss", 1),
                                        ("cosine", "cosine", 1), ("test accuracy %", "test_score", 100),
                                        ("ms/batch", "ms_per_batch", 1)):
                mean, error = mean_and_error([scale * float(r[name]) for r in mine])
                shown, shown_error, unit = read_text(row[heading.index(column)])
                near = unit + 1e-12 * abs(mean)  # of equal values the error is what rounding leaves
                assert abs(shown - mean) <= near, (row, column, mean)
                assert abs(shown_error - error) <= min(near, 0.051 * error + 1e-12 * abs(mean)), (row, column, error)

    def check_curves(self, names):
        assert self.browser.evaluate("[...document.querySelectorAll('.chart')].map(c => c.id)") == [
            "chart-validation-loss", "chart-validation-score", "chart-train-loss", "chart-train-score", "chart-cosine",
            "chart-milliseconds"]
        pens = self.browser.evaluate("[...document.querySelectorAll('#chart-validation-loss .mean')].map(p => "
                                     "[p.dataset.group, getComputedStyle(p).stroke + ' ' + "
                                     "getComputedStyle(p).strokeDasharray, p.getTotalLength()])")
        assert sorted(int(p[0]) for p in pens) == list(range(len(names))), pens
        assert len({p[1] for p in pens}) == len(names), pens  # no two are drawn alike
        assert len({p[1].split(")")[0] for p in pens if int(p[0]) < 10}) == 10, pens  # the first ten by colour alone
        assert all(p[2] > 50 for p in pens), pens
        assert self.browser.evaluate("document.querySelectorAll('#chart-validation-loss .band').length") == len(names)

    def check_hover(self, run, names):
        box = self.browser.evaluate("(() => { const v = document.querySelector('#chart-validation-loss svg'); "
                                    "v.scrollIntoView(); const b = v.getBoundingClientRect(); "
                                    "return [b.x, b.y, b.width, b.height] })()")
        self.browser.move(box[0] + box[2] * 0.4, box[1] + box[3] / 2)
        tip = self.browser.evaluate("(() => { const t = document.querySelector('#chart-validation-loss .tip'); "
                                    "return [t.hidden, t.querySelector('strong').textContent, "
                                    "[...t.querySelectorAll('tr')].map(r => "
                                    "[...r.children].map(c => c.textContent))] })()")
        assert not tip[0] and len(tip[2]) == len(names), tip
        batch = tip[1].split()[0]
        rows = [r for r in csv.DictReader(open(f"{run}/metrics.csv"))
                if r["split"] == "validation" and r["batch"] == batch]
        assert len(rows) == len(names) * len(SEEDS), (batch, len(rows))
        for name, shown in tip[2]:
            mean, error = mean_and_error([float(r["loss"]) for r in rows if r["variant"] == name])
            a, b = (float(v) for v in shown.split(" ± "))
            assert abs(a - mean) < 1e-3 * mean and abs(b - error) < 1e-3 * error + 1e-6, (name, shown, mean, error)
        self.browser.evaluate("document.querySelector('#chart-validation-loss svg').focus()")
        self.browser.press("ArrowRight")
        later = self.browser.evaluate("document.querySelector('#chart-validation-loss .tip strong').textContent")
        assert int(later.split()[0]) > int(batch), (later, batch)

    def check_controls(self, names):
        count = "document.querySelectorAll('#chart-validation-loss .mean').length"
        press = "document.querySelectorAll('#legend button')[1].click()"
        self.browser.evaluate(press)
        assert self.browser.evaluate(count) == len(names) - 1
        self.browser.evaluate(press)
        assert self.browser.evaluate(count) == len(names)
        first = "document.querySelector('#chart-validation-loss .mean[data-group=\"0\"]').getAttribute('d')"
        before = self.browser.evaluate(first)
        for id, value in (("over", "seconds"), ("y-axis", "on"), ("x-axis", "on")):
            self.browser.evaluate(f"(() => {{ const s = document.getElementById('{id}'); s.value = '{value}'; "
                                  "s.dispatchEvent(new Event('change')) })()")
            after = self.browser.evaluate(first)
            assert after != before and "NaN" not in after, (id, after)
            before = after

    def check_harmless(self, names):
        text = self.browser.evaluate("document.body.textContent")
        assert self.browser.evaluate("window.hacked === undefined")
        assert self.browser.evaluate("document.images.length") == 0
        assert self.browser.evaluate("document.querySelectorAll('body script').length") == 2  # its data and its own
        assert self.browser.evaluate("document.title") == "page " + HOSTILE
        equations = self.browser.evaluate("[...document.querySelectorAll('#equations pre')].map(p => p.textContent)")
        mine = RULE[RULE.index("rule mine"):].rstrip("\n")
        assert mine in equations, equations
        assert any(e.startswith("rule bptt(") for e in equations), equations
        assert any(e.startswith("cell rnn_tanh(") for e in equations), equations
        assert "what is compared " + HOSTILE in text and "nobody <b onclick" in text
        assert self.browser.faults() == [], self.browser.faults()

    def check_size(self, width):
        wide = self.browser.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"the page is {wide} wide in a window of {width}"
        small = self.browser.evaluate("[...document.querySelectorAll('.chart svg')].map(v => v.getBoundingClientRect())"
                                      ".filter(b => b.width < 250 || b.right > innerWidth + 1).length")
        assert small == 0, f"{small} charts do not fit"
        out = self.browser.evaluate("[...document.querySelectorAll('.chart')].flatMap(c => { "
                                    "const b = c.getBoundingClientRect(); "
                                    "return [...c.querySelectorAll('text')].filter(t => { "
                                    "const r = t.getBoundingClientRect(); "
                                    "return r.left < b.left - 2 || r.right > b.right + 2 }).map(t => t.textContent) })")
        assert out == [], f"words run out of their charts: {out}"


def luminance(browser, what):
    colour = browser.evaluate(f"getComputedStyle(document.body).{what}")
    return sum(int(v) for v in re.findall(r"\d+", colour)[:3])


def check_whole_page(browser, names):
    page = Page(browser)
    eligo("report", "run", "-o", "report.html")
    text = pathlib.Path("report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|@import|url\((?!data:)""", re.sub(
        r'(?s)<script type="application/json".*?</script>', "", text)), "the page refers to another file"
    for width, height, dark in ((1200, 900, False), (1200, 900, True), (400, 800, False), (400, 800, True)):
        browser.open("report.html", width, height, dark)
        name = f"report-{width}-{'dark' if dark else 'light'}.png"
        shot = browser.picture(PICTURES / name)
        assert shot[0] == width and shot[1] > 1500, shot
        paper, ink = luminance(browser, "backgroundColor"), luminance(browser, "color")
        assert (paper < 150 and ink > 600) if dark else (paper > 700 and ink < 150), (paper, ink)
        page.check_size(width)
        page.check_results("run", names)
        page.check_curves(names)
        page.check_hover("run", names)
        browser.picture(PICTURES / f"hover-{name}", whole=False)
        page.check_harmless(names)
    page.check_controls(names)
    machine = page.cells("runs")
    version = eligo("version").split()[1]
    assert machine[0][:4] == ["began", "ended", "eligo", "processor"] and machine[1][2] == version, machine
    costs = page.cells("cost")
    assert costs[0][0] == "variant" and [row[0] for row in costs[1:]] == names, costs
    assert all(float(row[1]) > 20 and "iB" in row[2] and row[3] and row[4] for row in costs[1:]), costs
    settings = page.cells("settings")
    assert float(settings[2][settings[0].index("rule.ρ")]) == 1 / 12, settings[:3]
    assert page.browser.faults() == [], page.browser.faults()


def check_many_folders(browser):
    """A folder for each seed is one variant with as many repetitions; the same seeds once more are no repetitions."""
    for seed in SEEDS:
        eligo("run", "e.toml", "--quiet", "--out", f"s{seed}", "--only", "full", f"seeds=[{seed}]")
    eligo("report", "s0", "s1", "s2", "-o", "seeds.html")
    eligo("report", "run", "--csv", "run.csv")
    eligo("report", "s0", "s1", "s2", "--csv", "seeds.csv")
    whole, apart = ({r["variant"]: r for r in csv.DictReader(open(path))}["full"] for path in ("run.csv", "seeds.csv"))
    for key in ("seeds", "ended", "last_loss", "last_loss_standard_error", "last_loss_count", "test_score", "cosine"):
        assert whole[key] == apart[key], (key, whole, apart)
    browser.open("seeds.html", 1200, 900)
    page = Page(browser)
    assert [row[:2] for row in page.cells("results")[1:]] == [["full", "3 seeds"]]
    eligo("run", "e.toml", "--quiet", "--out", "again", "--only", "full", "seeds=[0]")
    said = eligo("report", "s0", "again", "-o", "twice.html")
    assert "has a seed that s0 has too" in said, said
    browser.open("twice.html", 400, 800)
    assert [row[0] for row in page.cells("results")[1:]] == ["full (s0)", "full (again)"], page.cells("results")
    assert "has a seed that s0 has too" in browser.evaluate("document.getElementById('notes').textContent")
    page.check_size(400)
    assert browser.faults() == [], browser.faults()


def check_unfinished(browser):
    """A folder in which nothing has been trained, and one whose metrics end within a row."""
    page = Page(browser)
    eligo("run", "e.toml", "--quiet", "--out", "cut", "--only", "full", "seeds=[0, 1]")
    for name in ("summary.csv", "run.json"):
        pathlib.Path("cut", name).unlink()
    metrics = pathlib.Path("cut/metrics.csv")
    lines = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(lines[:9]) + lines[9][:11])
    assert "was cut short and is left out" in eligo("report", "cut", "-o", "cut.html")
    browser.open("cut.html", 1200, 900)
    assert page.cells("results")[1][1] == "0 of 2 seeds", page.cells("results")
    state = browser.evaluate("document.querySelector('.state').textContent")
    assert state.startswith("interrupted: 0 of 2 trainings have ended"), state
    assert "does not say on what machine" in browser.evaluate("document.getElementById('runs').textContent")
    assert browser.evaluate("document.querySelectorAll('#chart-validation-loss .mean').length") == 1
    assert browser.faults() == [], browser.faults()
    metrics.unlink()
    assert "nothing has been trained yet" in eligo("report", "cut", "-o", "begun.html")
    browser.open("begun.html", 400, 800)
    assert "There is no curve yet" in browser.evaluate("document.getElementById('curves').textContent")
    assert browser.faults() == [], browser.faults()


def check_credit(browser):
    """What the theory says of windows: as far as they reach the credit is the gradient's, beyond there is none."""
    steps = 6
    pathlib.Path("w.toml").write_text(experiment('name = "credit"\nseeds = [0, 1]', f"""[task]
name = "delayed_target"
T = {steps}
[model]
cell = "lstm"
readout = "linear_mse"
synth = "linear"
n = 5""", "epochs = 2\nbatches_per_epoch = 20\nbatch = 20", [
        ('"full"', 'rule.n = "all"'), ('"two"', "rule.n = 2"), ('"synthetic"', 'rule.name = "bp_lambda"')]))
    eligo("run", "w.toml", "--quiet", "--out", "credit")
    before = {path: path.read_bytes() for path in pathlib.Path("credit").rglob("*") if path.is_file()}
    eligo("report", "credit", "--credit", "-o", "credit.html")
    assert {path: path.read_bytes() for path in before} == before
    browser.open("credit.html", 1200, 900)
    charts = {chart["id"]: chart for chart in browser.evaluate("data.charts")}
    bands = {id: {curve["group"]: {p[0]: p[1:] for p in curve["band"]} for curve in charts[id]["curves"]}
             for id in ("credit-cosine", "credit-length")}
    cosine, length = bands["credit-cosine"], bands["credit-length"]
    everywhere = list(range(1, steps + 1))
    for group, first in ((0, 1), (1, steps - 1)):
        assert list(cosine[group]) == everywhere[first - 1:], cosine
        assert all(abs(p[0] - 1) < 1e-5 and p[2] == 2 for p in cosine[group].values()), cosine
        assert [round(length[group][t][0], 4) for t in everywhere] == [float(t >= first) for t in everywhere], length
    assert list(cosine[2]) == everywhere, cosine
    assert abs(cosine[2][steps][0] - 1) < 1e-5, cosine  # at the end there is nothing to predict
    assert any(abs(cosine[2][t][0]) < 0.99 for t in everywhere), cosine
    assert "step of the sequence" in browser.evaluate("document.getElementById('chart-credit-cosine').textContent")
    assert browser.faults() == [], browser.faults()
    for path in pathlib.Path("credit/checkpoints").glob("2-*"):
        path.unlink()
    said = eligo("report", "credit", "--credit", "-o", "credit.html")
    assert said.count("the credit of two, seed") == 2 and "there is no checkpoint yet" in said, said


def main():
    names = write_experiment()
    eligo("run", "e.toml", "--quiet", "--out", "run")
    with Browser() as browser:
        check_whole_page(browser, names)
        check_many_folders(browser)
        check_unfinished(browser)
        check_credit(browser)
    print("the page is in order; pictures of it:", PICTURES)


if __name__ == "__main__":
    in_scratch_folder(main)
