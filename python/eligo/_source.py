"""Rules and their parts as text in Python."""

from __future__ import annotations

import atexit
import functools
import html
import itertools
import json
import os
import pathlib
import re
import shutil
import tempfile
from typing import Any, Callable, Iterator, TypeVar

from . import _core
from ._errors import Error, RuleError

_numbers = itertools.count(1)
F = TypeVar("F", bound=Callable[..., Any])


@functools.cache
def _folder() -> str:
    """Where sources lie while the interpreter runs."""
    path = tempfile.mkdtemp(prefix="eligo-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _as_named(text: str) -> str:
    """A message that names sources as the user knows them: by their names, not by the files that hold them."""
    if not _folder.cache_info().currsize:
        return text
    return re.sub(re.escape(_folder()) + r"/[^/\s]+/([^/\n]*?)\.eli", r"\1", text)


def named(function: F) -> F:
    """Raises RuleError with the sources' own names, and without the calls in between."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RuleError as error:
            raise RuleError(_as_named(error.args[0]), _as_named(json.dumps(error.diagnostics))) from None
        except Error as error:
            raise Error(_as_named(str(error))) from None

    return call  # type: ignore[return-value]


class Item:
    """A rule, cell, synthesiser, readout or optimiser of a :class:`Source`, to be given where a name of the library may be."""

    def __init__(self, source: Source, kind: str, name: str) -> None:
        self.source, self.kind, self.name = source, kind, name

    def __str__(self) -> str:
        return f"{self.source.path}:{self.name}"

    def __repr__(self) -> str:
        return f"<eligo {self.kind} {self.name} of {self.source.name}>"


class Source:
    """Text with rules and their parts, checked.

    Parameters
    ----------
    text : str
        As a rule file has it; see docs/language.md.
    name : str, optional
        By which messages call it.

    Raises
    ------
    RuleError
        If anything is wrong with it, with all faults and their places.

    Examples
    --------
    >>> mine = eligo.source("rule one(net: cell, L: readout) { learn net.params -= d(L[t])/d(net.params) }")
    >>> mine["one"]
    <eligo rule one of source 1>
    """

    def __init__(self, text: str, name: str | None = None) -> None:
        if not isinstance(text, str):
            raise TypeError(f"the text of a source is {text!r}; expected a str")
        self.text = text
        self.name = name or f"source {next(_numbers)}"
        folder = pathlib.Path(tempfile.mkdtemp(dir=_folder()))
        self.path = str(folder / (self.name.replace(os.sep, "_") + ".eli"))
        pathlib.Path(self.path).write_text(text, encoding="utf-8")
        self.report: str = _checked(self.path)

    def __getitem__(self, name: str) -> Item:
        for kind, known in _core.items_of(self.path):
            if known == name:
                return Item(self, kind, name)
        raise KeyError(f"there is no {name} in {self.name}; it has {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return iter([name for _, name in _core.items_of(self.path)])

    def __len__(self) -> int:
        return len(_core.items_of(self.path))

    def __repr__(self) -> str:
        return f"<eligo source {self.name}: {', '.join(self)}>"

    def format(self) -> str:
        """The text in its canonical form, as ``eligo fmt`` prints it."""
        return str(_core.format(self.path))


@named
def _checked(path: str) -> str:
    return str(_core.check(path))


def source(text: str, name: str | None = None) -> Source:
    """Checks text with rules and their parts; see :class:`Source`."""
    return Source(text, name)


class Check(str):
    """What ``eligo check`` says: what each item needs, its time, locality and shapes."""

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"

    def __repr__(self) -> str:
        return str(self)


def check(what: Source | Item | str | os.PathLike[str]) -> Check:
    """What a source, or a rule file, needs: time, locality and shapes of each item.

    Parameters
    ----------
    what : Source, Item, path of a rule file, or name of the library

    Raises
    ------
    RuleError
        If anything is wrong with it.
    """
    if isinstance(what, Item):
        what = what.source
    path = what.path if isinstance(what, Source) else os.fspath(what)
    if not os.path.exists(path) and os.sep not in path:
        path = next((file for _, name, _, _, file in _core.items([]) if name == path), path)
    return Check(_as_named(_checked(path)))
