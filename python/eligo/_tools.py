"""Comparisons of rules, and what there is."""

from __future__ import annotations

import html
from typing import Iterable, NamedTuple

from . import _core
from ._program import Part
from ._source import _as_named, named
from ._told import Told


class Known(NamedTuple):
    """An item of the library: its kind, name, title, paper and file."""

    kind: str
    name: str
    title: str
    paper: str
    path: str


class Catalog(list[Known]):
    """What `catalog` returns; a table in notebooks."""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.kind)}</td><td><b>{html.escape(one.name)}</b></td>"
            f"<td>{html.escape(one.title)}</td><td>{html.escape(one.paper)}</td></tr>"
            for one in self
        )
        return f"<table>{rows}</table>"

    def __repr__(self) -> str:
        return "\n".join(f"{one.kind:<10} {one.name:<24} {one.title}" for one in self)


def catalog(kind: str | None = None, rules: Iterable[str] = ()) -> Catalog:
    """Rules, cells, synths, readouts and optimisers of the library and of the folders `rules`.

    Parameters
    ----------
    kind : {"rule", "cell", "synth", "readout", "optimiser"}, optional
    """
    kinds = ("rule", "cell", "synth", "readout", "optimiser")
    if kind is not None and kind not in kinds:
        raise ValueError(f"kind is {kind!r}; there are {', '.join(kinds)}")
    known = [Known(*one) for one in _core.items([str(folder) for folder in rules])]
    return Catalog(one for one in known if kind is None or one.kind == kind)


class Comparison(Told):
    """Two rules on the same data from the same start; see `Told`."""


@named
def compare(
    rule: Part,
    other: Part,
    *settings: str,
    updates: int = 20,
    seed: int = 0,
    lockstep: bool = False,
    rules: Iterable[str] = (),
) -> Comparison:
    """Runs two rules on the same data from the same start, update by update.

    Parameters
    ----------
    rule, other : Item or str
    settings : str
        Of an experiment, for both: ``"task=delayed_target"``, ``"model.n=20"``, ``"train.batch=10"``.
    updates : int
    lockstep : bool
        The other starts each update from the first one's parameters, so that nothing adds up.
    """
    folders = [str(folder) for folder in rules]
    return Comparison(
        *map(_as_named, _core.compare(str(rule), str(other), list(settings), updates, seed, lockstep, folders))
    )
