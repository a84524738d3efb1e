"""What tools say: a text as the command prints it, and the same as data."""

from __future__ import annotations

import html
import json
from typing import Any


class Told:
    """The result of a tool.

    Attributes
    ----------
    text : str
        As the command prints it.
    data : dict
        As the command's ``--json`` has it; empty where there is none.
    """

    def __init__(self, text: str, data: str = "{}") -> None:
        self.text = text
        self.data: dict[str, Any] = json.loads(data)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>"
