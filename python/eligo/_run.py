"""Experiments: trainings from a file or a name, in run folders."""

from __future__ import annotations

import csv
import os
import pathlib
from typing import Callable, Iterable

import numpy as np

from . import _core
from ._source import named


class Run:
    """The folder of a run: what was trained, and what came out.

    Attributes
    ----------
    folder : pathlib.Path
    table : str
        The last words of ``eligo run``.
    complete : bool
        False if it was interrupted; `resume` goes on.
    """

    def __init__(self, folder: str | os.PathLike[str], table: str = "", complete: bool = True) -> None:
        self.folder, self.table, self.complete = pathlib.Path(folder), table, complete

    def _rows(self, name: str) -> list[dict[str, str | float | None]]:
        with open(self.folder / name, newline="", encoding="utf-8") as file:
            return [{key: _value(key, text) for key, text in row.items()} for row in csv.DictReader(file)]

    @property
    def summary(self) -> list[dict[str, str | float | None]]:
        """A row for each variant and seed; ``pandas.DataFrame(run.summary)`` makes a frame of it."""
        return self._rows("summary.csv")

    @property
    def metrics(self) -> list[dict[str, str | float | None]]:
        """The rows of metrics.csv."""
        return self._rows("metrics.csv")

    def params(self, variant: int = 1, seed: int = 0, which: str = "last") -> dict[str, np.ndarray]:
        """The arrays of a checkpoint: of the variant with this number, ``"last"`` or ``"best"``."""
        files = sorted((self.folder / "checkpoints").glob(f"{variant}-*-seed{seed}-{which}.npz"))
        if not files:
            raise FileNotFoundError(f"{self.folder}: no checkpoint {which} of variant {variant}, seed {seed}")
        with np.load(files[0]) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _repr_svg_(self) -> str | None:
        picture = self.folder / "curves.svg"
        return picture.read_text(encoding="utf-8") if picture.exists() else None

    def __repr__(self) -> str:
        return self.table or f"<eligo run {self.folder}>"


def _value(key: str, text: str) -> str | float | None:
    if key in ("variant", "split"):
        return text
    return float(text) if text else None


def _run(
    name: str,
    settings: Iterable[str],
    rules: Iterable[str],
    only: Iterable[str],
    quick: bool,
    out: str,
    resume: bool,
    until: Callable[[], bool] | None,
) -> Run:
    folder, table, complete, interrupted = _core.run(
        name,
        list(settings),
        [str(one) for one in rules],
        list(only),
        quick,
        out,
        resume,
        lambda: until is None or not until(),
    )
    if interrupted:
        raise KeyboardInterrupt(f"interrupted; eligo.resume({folder!r}) goes on")
    return Run(folder, table, complete)


@named
def run(
    experiment: str | os.PathLike[str],
    *settings: str,
    data: str | None = None,
    out: str | None = None,
    quick: bool = False,
    only: Iterable[str] = (),
    rules: Iterable[str] = (),
    until: Callable[[], bool] | None = None,
) -> Run:
    """Trains an experiment: every variant with every seed, into one run folder.

    Parameters
    ----------
    experiment : str or path
        A .toml file, or a name of ``eligo list experiments``.
    settings : str
        ``"rule.lambda=0.5"``, as on the command line.
    data : str
        File or folder of the task's data.
    out : str
        The run folder to make; a new one in ``runs/`` by default.
    quick : bool
        The experiment's quick form.
    only : list of str
        Variants to keep.
    until : callable
        Asked between batches; true ends the run, which can be resumed.
    """
    given = list(settings) + ([f"task.data={data}"] if data else [])
    return _run(os.fspath(experiment), given, rules, only, quick, out or "", False, until)


@named
def resume(folder: str | os.PathLike[str], until: Callable[[], bool] | None = None) -> Run:
    """Goes on with an interrupted run, bit for bit as if nothing had happened."""
    return _run(os.fspath(folder), [], [], [], False, "", True, until)


def load(folder: str | os.PathLike[str]) -> Run:
    """A run that is there.

    Raises
    ------
    FileNotFoundError
        If the folder is none of a run.
    """
    path = pathlib.Path(folder)
    if not (path / "experiment.toml").exists():
        raise FileNotFoundError(f"{path}: not the folder of a run (it has no experiment.toml)")
    return Run(path)
