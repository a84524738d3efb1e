"""Compiled rules."""

from __future__ import annotations

import difflib
import inspect
import operator
from typing import Any, Iterable, Mapping, Sequence

from . import _core
from ._errors import Error
from ._source import Item, Source, _as_named, named
from ._told import Told

Part = Item | Source | str


def _sizes(sizes: Mapping[str, int] | None) -> dict[str, int]:
    try:
        return {str(name): operator.index(value) for name, value in (sizes or {}).items()}
    except (TypeError, AttributeError):
        raise TypeError(f"sizes are {sizes!r}; expected whole numbers by name, such as dict(n=64)") from None


def _part(part: Any, kind: str) -> str:
    """The name of a part; a source with one item of the kind stands for that."""
    if part is None:
        return ""
    if isinstance(part, Item) and part.kind != kind:
        raise Error(f"{part.name} is a {part.kind}; a {kind} is wanted here")
    if isinstance(part, Source):
        names = [name for what, name in _core.items_of(part.path) if what == kind]
        if len(names) != 1:
            raise Error(
                f'{part.name} has {len(names)} items of kind {kind}; say which, as source["{(names or ["name"])[0]}"]'
            )
        return str(part[names[0]])
    return str(part)


def _schedules(schedule: str | Mapping[str, str] | None) -> dict[str, str]:
    if schedule is None:
        return {}
    return {"": schedule} if isinstance(schedule, str) else dict(schedule)


def _float64(dtype: Any) -> bool:
    name = getattr(dtype, "__name__", None) or getattr(dtype, "name", None) or str(dtype)
    if name in ("f32", "float32", "torch.float32"):
        return False
    if name in ("f64", "float64", "torch.float64", "float"):
        return True
    raise Error(f'dtype is {dtype}; use "f32" or "f64"')


def make_spec(
    rule: Part,
    *,
    cell: Part | None = None,
    readout: Part | None = None,
    synth: Part | Mapping[str, Part] | None = None,
    sizes: Mapping[str, int] | None = None,
    integers: Mapping[str, int | str] | None = None,
    optimiser: Part = "sgd",
    update: str = "sequence",
    dtype: Any = "f32",
    schedule: str | Mapping[str, str] | None = None,
    online: bool | None = None,
    show: Sequence[str] = (),
    outputs: bool = False,
    rules: Iterable[str] = (),
    cpu: str = "native",
    interpreter: bool = False,
    cache: str | None = None,
    batch: int = 32,
    steps: int = 32,
    memory: int = 0,
) -> Any:
    """The specification that `compile`, `explain` and `gradcheck` take."""
    spec = _core.Spec()
    spec.rule = _part(rule, "rule")
    spec.cell = _part(cell, "cell")
    spec.readout = _part(readout, "readout")
    if isinstance(synth, Mapping):
        spec.synth = ", ".join(f"{role}={_part(part, 'synth')}" for role, part in synth.items())
    else:
        spec.synth = _part(synth, "synth")
    spec.sizes = _sizes(sizes)
    spec.header = {name: -1 if value == "all" else int(value) for name, value in (integers or {}).items()}
    spec.optimiser = _part(optimiser, "optimiser")
    spec.update = update
    spec.float64 = _float64(dtype)
    spec.schedule = _schedules(schedule)
    spec.online = online
    spec.show = list(show)
    spec.outputs = outputs
    spec.rule_paths = [str(path) for path in rules]
    spec.cpu = cpu
    spec.interpreter = interpreter
    spec.cache = cache or ""
    spec.batch_hint = batch
    spec.steps_hint = steps
    spec.memory = memory
    return spec


def _spec(rule: Part, options: Mapping[str, Any]) -> Any:
    known = inspect.signature(make_spec).parameters
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise TypeError(
                f"there is no option {name}; "
                + (f"did you mean {near[0]}?" if near else f"there are {', '.join(list(known)[1:])}")
            )
    return make_spec(rule, **options)


class Explanation(Told):
    """What the compiler makes of a rule: structure, schedules, costs; see `Told`."""


class Program:
    """A rule compiled for a cell, a readout and sizes; immutable, shared by any number of sessions.

    Attributes
    ----------
    inputs, targets : int
        Numbers of one step of an example.
    dtype : str
        ``"float32"`` or ``"float64"``.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self.inputs: int = core.inputs
        self.targets: int = core.targets
        self.dtype: str = "float64" if core.float64 else "float32"

    @property
    def shown(self) -> list[str]:
        """Equations that are kept for reading after a run."""
        return list(self._core.spec.show)

    @named
    def explain(self, batch: int = 32, steps: int = 100) -> Explanation:
        """Structure, schedules and costs, for a batch and a number of steps."""
        return Explanation(*map(_as_named, _core.explain(self._core.spec, batch, steps)))

    @named
    def dump(self, stage: str = "simplified") -> str:
        """The program after a stage or pass of the compiler: ``"graph"``, ``"simplified"``, ``"loops"``, ``"llvm"``, ``"asm"``."""
        return str(_core.dump(self._core.spec, stage))

    @property
    def stages(self) -> list[str]:
        """What `dump` takes."""
        return list(_core.dump_stages(self._core.spec))

    def __repr__(self) -> str:
        spec = self._core.spec
        parts = [_as_named(part) for part in (spec.rule, spec.cell, spec.readout, spec.synth) if part]
        return f"<eligo program: {', '.join(parts)}; {self.inputs} inputs, {self.targets} targets, {self.dtype}>"


@named
def compile(rule: Part, **options: Any) -> Program:
    """Compiles a rule.

    Parameters
    ----------
    rule : Item or str
        ``mine["fading"]`` of a :class:`Source`, a name of the library, ``"file.eli:name"``, or a file with one rule.
    cell, readout : Item or str
        Likewise.
    synth : Item, str, or dict of role to either
    sizes : dict
        Sizes that nothing else determines: ``dict(n=64, m=28, k=10)``, ``{"g.hidden": 32}``.
    integers : dict
        The rule's integers: ``dict(n=5)``, ``dict(n="all")``.
    optimiser : Item or str
        Default ``"sgd"``.
    update : {"sequence", "window", "step"}
        When the optimiser applies what was gathered.
    dtype : {"f32", "f64"} or NumPy dtype
    schedule : str or dict
        How recurrences are computed: ``"dense"``, ``{"e": "reverse"}``; the cheapest exact one by default.
    online : bool
        For :meth:`Session.step` and `forward`: nothing that waits for a sequence's end.
    show : list of str
        Equations to keep for reading after a run.
    outputs : bool
        Keep what the readouts put out, as `forward` returns it.
    rules : list of paths
        Folders that are searched before the library.
    cpu, interpreter, cache, batch, steps, memory
        The processor to compile for; the slow reference in place of kernels; the folder of compiled kernels; a typical batch
        and number of steps and the bytes that a session may take, by which a schedule is chosen.

    Returns
    -------
    Program

    Raises
    ------
    RuleError
        If a file or source has a fault; with its place.
    Error
        If parts do not fit each other, or a size is missing.
    """
    return Program(_core.compile(_spec(rule, options)))


@named
def explain(rule: Part, batch: int = 32, steps: int = 100, **options: Any) -> Explanation:
    """What the compiler makes of a rule; parts and sizes that are not given are chosen. Options as for `compile`."""
    return Explanation(*map(_as_named, _core.explain(_spec(rule, options), batch, steps)))


class Gradcheck(Told):
    """The result of `gradcheck`: true if no derivative differs; see `Told`."""

    def __init__(self, good: bool, text: str) -> None:
        super().__init__(text)
        self.good = good

    def __bool__(self) -> bool:
        return self.good


@named
def gradcheck(
    rule: Part, batch: int = 2, steps: int = 6, seed: int = 1, hypers: Mapping[str, float] | None = None, **options: Any
) -> Gradcheck:
    """Checks every derivative that a rule takes against finite differences, and what it adds against the whole gradient.

    Options as for `compile`; parts and sizes that are not given are chosen.
    """
    good, text = _core.gradcheck(_spec(rule, options), batch, steps, seed, list((hypers or {}).items()))
    return Gradcheck(good, _as_named(text))


compile.__signature__ = inspect.signature(make_spec).replace(return_annotation=Program)  # type: ignore[attr-defined]
