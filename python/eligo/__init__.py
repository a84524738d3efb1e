"""eligo: a compiler for learning rules.

A rule is the equations of its paper; `compile` makes fused kernels of it, a `Session` runs them on arrays of NumPy, PyTorch or
JAX where they lie.

>>> mine = eligo.source('''
... rule fading(net: cell, L: readout) {
...   let s = net.state, ψ = net.params, φ = L.params
...   hyper ρ = 0.5 in [0, 1]
...   E[t] = ρ*E[t-1] + d(s[t])/d(ψ)
...   learn ψ -= d(L[t])/d(s[t]) . E[t]
...   learn φ -= d(L[t])/d(φ)
... }''')
>>> p = eligo.compile(mine["fading"], cell="lstm", readout="linear_softmax", sizes=dict(n=64, m=28, k=10), optimiser="adam")
>>> s = eligo.Session(p, batch=50, steps=28, seed=1)
"""

import atexit as _atexit
import pathlib as _pathlib

from . import _core
from ._errors import Error, RuleError

_core.set_errors(Error, RuleError)
_atexit.register(_core.wait_for_released)
_core.add_library_folder(str(_pathlib.Path(__file__).parent / "rules"))

from . import data
from ._program import Explanation, Gradcheck, Program, compile, explain, gradcheck
from ._run import Run, load, resume, run
from ._session import Result, Session
from ._source import Check, Item, Source, check, source
from ._told import Told
from ._tools import Catalog, Comparison, Known, catalog, compare

__version__: str = _core.version
__all__ = [
    "Catalog",
    "Check",
    "Comparison",
    "Error",
    "Explanation",
    "Gradcheck",
    "Item",
    "Known",
    "Program",
    "Result",
    "RuleError",
    "Run",
    "Session",
    "Source",
    "Told",
    "catalog",
    "check",
    "compare",
    "compile",
    "data",
    "explain",
    "gradcheck",
    "load",
    "resume",
    "run",
    "source",
]
