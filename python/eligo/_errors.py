"""Errors of rules, with the place in their text, and all others."""

from __future__ import annotations

import html
import json
from typing import Any


class Error(Exception):
    """Something that eligo cannot do as asked; the message says why, and what would help."""


class RuleError(Error):
    """Faults in the text of a rule, a cell or another item.

    Attributes
    ----------
    code : str
        Of the first fault, such as ``"E0304"``; ``eligo explain E0304`` has its long help.
    path : str
        The file, or the name of the :class:`eligo.Source`.
    line, column : int
        Its place, from 1 on.
    help : list of str
        Suggested fixes.
    diagnostics : list of dict
        All faults, in the form of ``eligo check --json``.
    """

    def __init__(self, text: str, diagnostics: str = "[]") -> None:
        super().__init__(text)
        self.diagnostics: list[dict[str, Any]] = json.loads(diagnostics)
        first = self.diagnostics[0] if self.diagnostics else {}
        place = (first.get("labels") or [{}])[0]
        self.code: str = first.get("code", "")
        self.path: str = place.get("path", "")
        self.line: int = place.get("line", 0)
        self.column: int = place.get("column", 0)
        self.help: list[str] = first.get("help", [])

    def __str__(self) -> str:
        return "\n" + str(self.args[0]).rstrip()

    def _repr_html_(self) -> str:
        return f"<pre style='color:#b00020'>{html.escape(str(self.args[0]))}</pre>"

    # IPython shows what this returns in place of a stack of the package's own calls.
    def _render_traceback_(self) -> list[str]:
        return str(self.args[0]).rstrip().split("\n")
