"""Batches of arrays in memory, and training on them."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, NamedTuple, Sequence

import numpy as np

from ._session import Session


class Batch(NamedTuple):
    """What `Session.run` takes of a batch: x (B, T, inputs), y, mask, lengths."""

    x: Any
    y: Any = None
    mask: Any = None
    lengths: Any = None


class Arrays:
    """Sequences in arrays, example by example, as batches.

    Parameters
    ----------
    x : array, (N, T, inputs)
    y : array, (N, T, targets), or labels (N, T) or (N,)
    mask : array, (N, T), optional
    lengths : list of int, optional
        Of each sequence.
    batch : int
        Examples of a batch; the last one may be smaller.
    shuffle : bool
        Another order in each epoch.
    seed : int
        Of the orders.

    Raises
    ------
    ValueError
        If the arrays have different numbers of examples, or a number is not finite.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        mask: Any = None,
        lengths: Sequence[int] | None = None,
        batch: int = 32,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        self.x, self.y, self.mask = (
            np.asarray(x),
            None if y is None else np.asarray(y),
            None if mask is None else np.asarray(mask),
        )
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.batch, self.shuffle, self.seed, self.epoch = batch, shuffle, seed, 0
        if self.x.ndim != 3:
            raise ValueError(f"x has shape {self.x.shape}; expected (N, T, inputs)")
        if batch < 1:
            raise ValueError(f"batch is {batch}; it needs at least one example")
        for name, other in (("y", self.y), ("mask", self.mask), ("lengths", self.lengths)):
            if other is not None and len(other) != len(self.x):
                raise ValueError(f"{name} has {len(other)} examples; x has {len(self.x)}")
        for name, other in (("y", self.y), ("mask", self.mask)):
            if other is not None and other.ndim > 1 and other.shape[1] != self.x.shape[1]:
                raise ValueError(f"{name} has shape {other.shape}; x has {self.x.shape[1]} steps")
        if self.lengths is not None and not ((self.lengths >= 1) & (self.lengths <= self.x.shape[1])).all():
            raise ValueError(f"lengths are {self.lengths.min()} to {self.lengths.max()}; x has {self.x.shape[1]} steps")
        for name, values in (("x", self.x), ("y", self.y), ("mask", self.mask)):
            if values is not None and values.dtype.kind not in "biuf":
                raise TypeError(f"{name} has dtype {values.dtype}; use numbers")
            if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
                raise ValueError(f"{name}{list(where)} is {values[where]}; correct the data or leave this example out")

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.x) // self.batch)

    def __iter__(self) -> Iterator[Batch]:
        order = np.arange(len(self.x))
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        self.epoch += 1
        for begin in range(0, len(order), self.batch):
            take = order[begin : begin + self.batch]
            yield Batch(
                *(None if values is None else values[take] for values in (self.x, self.y, self.mask, self.lengths))
            )


def train(
    session: Session,
    batches: Iterable[Any],
    epochs: int = 1,
    *,
    layout: str = "BT",
    on_batch: Callable[[int, float], bool | None] | None = None,
    on_epoch: Callable[[int, float], bool | None] | None = None,
    progress: bool = True,
) -> list[float]:
    """Trains on any iterable of batches, such as `Arrays` or a PyTorch DataLoader.

    Parameters
    ----------
    batches : iterable of (x, y), (x, y, mask), (x, y, mask, lengths), or dicts of these
        Gone through once an epoch.
    layout : {"BT", "TB"}
    on_batch, on_epoch : callable
        Called with the number and the loss; returns True to stop.
    progress : bool
        A bar, where tqdm is installed.

    Returns
    -------
    list of float
        The mean loss of each epoch.
    """
    losses: list[float] = []
    for epoch in range(epochs):
        total, count = 0.0, 0
        for number, batch in enumerate(_bar(batches, f"epoch {epoch + 1}", progress)):
            given = batch if isinstance(batch, dict) else dict(zip(("x", "y", "mask", "lengths"), batch))
            loss = session.run(**given, layout=layout).loss
            total, count = total + loss, count + 1
            if on_batch is not None and on_batch(number, loss):
                return [*losses, total / count]
        if count == 0:
            raise ValueError(
                f"there are no batches in epoch {epoch + 1}; give a list, or something that can be gone through again"
            )
        losses.append(total / count)
        if on_epoch is not None and on_epoch(epoch, losses[-1]):
            break
    return losses


def _bar(batches: Iterable[Any], label: str, wanted: bool) -> Iterable[Any]:
    if not wanted:
        return batches
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        return batches
    bar: Iterable[Any] = tqdm(batches, desc=label, leave=False)
    return bar
