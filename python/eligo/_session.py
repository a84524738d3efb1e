"""Sessions: parameters of a compiled rule, and what runs it."""

from __future__ import annotations

import operator
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from . import _core
from ._errors import Error
from ._program import Program


class Result:
    """What one batch brought.

    Attributes
    ----------
    loss : float
        Summed over the steps, mean over the examples.
    loss_steps : int
        Pairs of step and example that were counted in it.
    left_out : float
        With an approximate schedule, the share of the learning signal that it left out; else 0.
    shown : mapping
        Of an equation, ``(rows, batch, ...)``; rows is T, or T + 1 where it exists at the start.
    gathered : mapping
        Of a parameter, what the learn lines gathered for it: mean over the batch, sum over the steps, with its sign.
    """

    def __init__(self, session: Session, core: Any) -> None:
        self.loss: float = core.loss
        self.loss_steps: int = core.loss_steps
        self.left_out: float = core.left_out
        self.shown = _LastRun(session, session._core.shown, session.program.shown)
        self.gathered = _LastRun(session, session._core.gathered, session._learned)

    def __repr__(self) -> str:
        return f"<eligo result: loss {self.loss:.6g}>"


class _LastRun(Mapping[str, np.ndarray]):
    """Values of a run, read when they are asked for, as long as no other run has taken their place."""

    def __init__(self, session: Session, read: Any, names: Sequence[str]) -> None:
        self._session, self._read, self._names, self._run = session, read, names, session._runs

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(f"{name}; there are {', '.join(self._names) or 'none: compile with show=[...]'}")
        if self._run != self._session._runs:
            raise Error(f"{name} is of an earlier run, whose values are gone; read it before the next one")
        return np.asarray(self._read(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Tensors(Mapping[str, np.ndarray]):
    """Tensors of a session by name, as read-only views; ``params[name] = values`` writes."""

    def __init__(self, session: Session, names: Sequence[str]) -> None:
        self._session, self._names = session, names

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(f"{name}; there are {', '.join(self._names)}")
        return np.asarray(self._session._core.view(name))

    def __setitem__(self, name: str, values: Any) -> None:
        old = self[name]
        new = np.ascontiguousarray(values, dtype=np.float64)
        if new.shape != old.shape:
            raise ValueError(f"could not broadcast input array from shape {new.shape} into shape {old.shape}")
        self._session._core.set(name, new)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return "\n".join(f"{name} {self[name].shape}" for name in self._names)


def _float_array(values: Any, name: str) -> Any:
    """What the core reads in place: arrays of floats as they are, lists and other numbers as float64."""
    if hasattr(values, "__dlpack__") and getattr(values, "requires_grad", False):
        values = values.detach()
    if hasattr(values, "__dlpack__") and not isinstance(values, np.ndarray):
        return values
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}; use float32 or float64")
    in_place = array.dtype in (np.float32, np.float64) and array.dtype.isnative and array.flags.aligned
    return array if in_place else array.astype(np.float64)


def _targets(values: Any, name: str, classes: int, axes: int) -> Any:
    """Labels, whole numbers with one axis fewer, as one-hot targets; all else as it is."""
    array = values if hasattr(values, "dtype") and hasattr(values, "ndim") else np.asarray(values)
    whole = str(array.dtype).rsplit(".", 1)[-1].startswith(("int", "uint"))
    if not whole or array.ndim != axes - 1 or classes < 2:
        return _float_array(values, name)
    labels = np.asarray(array)
    if labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(
            f"{name} has labels {labels.min()} to {labels.max()}; the readout has classes 0 to {classes - 1}"
        )
    return np.eye(classes, dtype=np.float32)[labels]


def _whole(value: Any, name: str) -> int:
    """A number of things; 3.5 of them are a slip."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected a whole number") from None
    if not 0 <= number < 2**63:
        raise ValueError(f"{name} is {number}; expected a whole number from 0 on")
    return number


class Session:
    """Parameters of a compiled rule, and what runs it on batches or step by step.

    Parameters
    ----------
    program : Program
    batch : int
        The most examples of a batch.
    steps : int
        The most steps of a sequence.
    seed : int
        Of the parameters and of all draws.
    threads : int
        Results do not depend on it.
    memory : int
        Bytes that it may take; 0: what is available.
    hypers : dict, optional
        As `set_hyper` takes them.
    """

    def __init__(
        self,
        program: Program,
        batch: int = 1,
        steps: int = 1,
        seed: int = 0,
        threads: int = 1,
        memory: int = 0,
        hypers: Mapping[str, float] | None = None,
    ) -> None:
        self.program = program
        whole = {
            name: _whole(value, name)
            for name, value in dict(batch=batch, steps=steps, seed=seed, threads=threads, memory=memory).items()
        }
        self.batch, self.steps = whole["batch"], whole["steps"]
        self._core = _core.Session(program._core, *whole.values())
        self._runs = 0
        tensors = self._core.tensors()
        parameters = [name for name, _, parameter, _ in tensors if parameter]
        self._learned = [name for name, _, _, bundle in tensors if bundle]
        self.params = _Tensors(self, parameters)
        self.tensors = _Tensors(self, [name for name, _, _, _ in tensors])
        for name, value in (hypers or {}).items():
            self.set_hyper(name, value)

    def run(
        self,
        x: Any,
        y: Any = None,
        *,
        mask: Any = None,
        lengths: Sequence[int] | None = None,
        layout: str = "TB",
        learn: bool = True,
    ) -> Result:
        """One sequence of a batch, with learning.

        Parameters
        ----------
        x : array, (T, B, inputs)
            NumPy, PyTorch, JAX or anything with DLPack or the buffer protocol; float32 and float64 are read in place.
        y : array, (T, B, targets), optional
            Targets; whole numbers (T, B), or (B,) for a label at the last step of each sequence, are labels of classes.
        mask : array, (T, B), optional
            Weights of the steps in the loss.
        lengths : list of int, optional
            Of the examples' sequences.
        layout : {"TB", "BT"}
            Which axis comes first: the steps, or the examples.
        learn : bool
            With False nothing changes.
        """
        if layout not in ("TB", "BT"):
            raise ValueError(f'layout is {layout!r}; there are "TB" and "BT"')
        by_example = layout == "BT"
        x = _float_array(x, "x")
        if y is not None:
            y, mask = self._labelled(x, y, mask, lengths, by_example)
        if mask is not None:
            mask = _float_array(mask, "mask")
        if lengths is not None:
            lengths = [_whole(length, "a length") for length in lengths]
        core = self._core.run(x, y, mask, lengths, by_example, learn)
        self._runs += 1
        return Result(self, core)

    def _labelled(self, x: Any, y: Any, mask: Any, lengths: Any, by_example: bool) -> tuple[Any, Any]:
        """Labels (B,) stand at each sequence's last step, where alone there is a loss."""
        shape = tuple(getattr(y, "shape", np.shape(y)))
        if len(shape) != 1 or len(x.shape) != 3:
            return _targets(y, "y", self.program.targets, 3), mask
        steps, examples = (x.shape[1], x.shape[0]) if by_example else (x.shape[0], x.shape[1])
        if shape[0] != examples:
            raise ValueError(f"y has shape {shape}; there are {examples} examples")
        labels = _targets(y, "y", self.program.targets, 2)
        if len(labels.shape) != 2:
            raise ValueError(
                f"y has shape {shape} and dtype {getattr(y, 'dtype', type(y).__name__)}; targets are "
                f"{'(B, T, ' if by_example else '(T, B, '}{self.program.targets}), labels whole numbers below the "
                "number of classes, of which there are two at least"
            )
        last = np.full(examples, steps - 1) if lengths is None else np.asarray(lengths) - 1
        targets = np.zeros((steps, examples, self.program.targets), np.float32)
        weights = np.zeros((steps, examples), np.float32)
        targets[last, np.arange(examples)] = labels
        weights[last, np.arange(examples)] = 1
        if by_example:
            targets, weights = targets.swapaxes(0, 1), weights.swapaxes(0, 1)
        return targets, weights if mask is None else mask

    def step(self, x: Any, y: Any) -> float:
        """One step of every example, learned from at once; the loss. For rules that are online."""
        loss: float = self._core.step(_float_array(x, "x"), _float_array(y, "y"))
        self._runs += 1
        return loss

    def forward(self, x: Any, learning: bool = True) -> np.ndarray:
        """The first half of a step: what the readouts put out, (B, outputs)."""
        self._runs += 1
        return np.asarray(self._core.forward(_float_array(x, "x"), learning))

    def learn(self, y: Any = None, mask: Any = None) -> float:
        """The second half: what the step learns, with its targets; the loss."""
        loss: float = self._core.learn(
            *(None if values is None else _float_array(values, name) for values, name in ((y, "y"), (mask, "mask")))
        )
        self._runs += 1
        return loss

    def reset(self, which: Any = None) -> None:
        """Begins a new sequence; with a mask (B,), such as the `done` flags of environments, in these examples alone."""
        if which is None:
            self._core.reset()
            return
        ended = np.asarray(which)
        if ended.shape != (self.batch,):
            raise ValueError(
                f"reset takes a mask of shape ({self.batch},), one entry for each example; this one has {ended.shape}"
            )
        if not np.isin(ended, (0, 1)).all():
            raise ValueError(f"reset takes a mask of true and false, or of 1 and 0; this one is {ended}")
        self._core.reset_examples([int(number) for number in np.flatnonzero(ended)])

    def shown(self, name: str) -> np.ndarray:
        """The last values of an equation of ``show``."""
        return np.asarray(self._core.shown(name))

    def set_hyper(self, name: str, value: float) -> None:
        """``"lambda"`` or ``"λ"``, ``"g.scale"`` of a part, ``"optimiser.alpha"``, ``"optimiser.theta.alpha"``."""
        self._core.set_hyper(name, float(value))

    def hyper(self, name: str) -> float:
        return float(self._core.hyper(name))

    def clip(self, norm: float, bundle: str = "") -> None:
        """Bounds the norm of what the optimiser takes, of all together or of what is learned as `bundle`."""
        self._core.set_clip(float(norm), bundle)

    def initialise(self) -> None:
        """Draws all parameters again from the seed."""
        self._core.initialise()

    def _kept(self) -> list[str]:
        """Tensors that a continuation needs: the initial states are the program's."""
        return [name for name in self.tensors if not name.endswith("[start]")]

    def state(self) -> dict[str, np.ndarray]:
        """All that a continuation needs, to the bit; `restore` takes it."""
        values = {name: self.tensors[name].copy() for name in self._kept()}
        return {**values, "sequence": np.array(self._core.sequence)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` gave; all of it is checked before anything changes."""
        given = {name: np.array(values, np.float64, order="C") for name, values in state.items()}
        wanted = {**{name: self.tensors[name].shape for name in self._kept()}, "sequence": ()}
        for name in [*wanted, *given]:
            if name not in given:
                raise Error(f"the saved state lacks {name}: it belongs to another program")
            if name not in wanted:
                raise Error(f"the saved state has {name}, which this program has not: it belongs to another one")
            if given[name].shape != wanted[name]:
                raise Error(f"{name} has shape {wanted[name]}, {given[name].shape} is given")
            if not np.isfinite(given[name]).all():
                raise Error(f"the saved state's {name} is not finite")
        # Indices of wirings first: they alone can still be refused.
        for name in sorted(self._kept(), key=lambda name: self.tensors[name].dtype.kind != "i"):
            self._core.restore(name, given[name])
        self._core.sequence = _whole(int(given["sequence"]), "the saved state's number of sequences")

    @property
    def bytes(self) -> int:
        """That it takes."""
        return int(self._core.bytes)

    def __repr__(self) -> str:
        return f"<eligo session: batch {self.batch}, {self.steps} steps, {len(self.params)} parameters>"
