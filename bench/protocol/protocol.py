"""What every peer of `eligo bench` speaks: a line of JSON in, a line of JSON out.

  {"do": "hello"}                       -> {"peer": ..., "versions": {...}}
  {"do": "prepare", "workload": {...}}  -> {"ok": true} or {"skip": why}
  {"do": "time", "seconds": s}          -> {"samples": [seconds of one call, ...]}
  {"do": "check", "case": {...}}        -> {"learn": {...}}: what `eligo eval` writes for the same case, or {"skip": why}

A peer is a module with `hello()` and `build(workload)`. `build` raises Skip, or returns an object with `call()` (a batch
with all updates) and `check(case)` (the gathered sums of one batch, by eligo's names and signs, nothing updated).
"""

import ctypes
import json
import os
import sys
import time
import traceback


class Skip(Exception):
    """This peer does not compute that."""


class Sampler:
    """Calls again and again; a sample is the mean of as many calls as take about a millisecond. A single thread is timed
    by what the process computed, more than one by the clock on the wall, as eligo itself."""

    def __init__(self, call, clock):
        self.call = call
        self.clock = clock
        self.inner = 0

    def warm_up(self, seconds):
        self.inner = 1
        for patience in (8, 1):  # the first call may have to set things up; of slow ones any is as good as another
            start = self.clock()
            self.call()
            one = spent = self.clock() - start
            if one > patience * seconds:
                return [one]
        while spent < seconds / 4:
            start = self.clock()
            for _ in range(self.inner):
                self.call()
            took = self.clock() - start
            spent += took
            one = took / self.inner
            self.inner = max(1, min(100_000, int(1e-3 / max(one, 1e-9))))
        return []

    def round(self, seconds):
        samples = [] if self.inner else self.warm_up(seconds)
        if samples:
            return samples
        start = self.clock()
        while True:
            before = self.clock()
            for _ in range(self.inner):
                self.call()
            samples.append((self.clock() - before) / self.inner)
            if self.clock() - start >= seconds:
                return samples


def blas(*names):
    """The first function of these names in a loaded OpenBLAS; None if there is none."""
    with open("/proc/self/maps") as maps:
        libraries = {line.split()[-1] for line in maps if "blas" in line and ".so" in line}
    for library in sorted(libraries):
        for name in names:
            function = getattr(ctypes.CDLL(library), name, None)
            if function is not None:
                return function
    return None


def blas_core():
    """The processor that OpenBLAS takes this one for."""
    function = blas("openblas_get_corename", "openblas_get_corename64_", "scipy_openblas_get_corename64_")
    if function is None:
        return "no OpenBLAS"
    function.restype = ctypes.c_char_p
    return function().decode()


def set_blas_threads(count):
    function = blas("openblas_set_num_threads", "openblas_set_num_threads64_", "scipy_openblas_set_num_threads64_")
    if function is not None:
        function(count)


def free_bytes():
    """Memory that can be had without swapping."""
    with open("/proc/meminfo") as info:
        return next(int(line.split()[1]) * 1024 for line in info if line.startswith("MemAvailable"))


def array_sizes(case):
    """Sizes that a case leaves to its numbers."""
    sizes = dict(case.get("sizes", {}))
    sizes.setdefault("m", len(case["x"][0][0]))
    if case.get("y"):
        sizes.setdefault("k", len(case["y"][0][0]))
    return sizes


def workload_of(case):
    """A case of `eligo eval` as a workload."""
    return {
        **{key: case.get(key, "") for key in ("rule", "cell", "readout", "synth")},
        "optimiser": "sgd",
        "sizes": array_sizes(case),
        "header": {},
        "schedule": case.get("schedule", {}),
        "update": "sequence",
        "dtype": case.get("dtype", "f64"),
        "hyper": case.get("hyper", {}),
        "batch": len(case["x"][0]),
        "T": len(case["x"]),
        "threads": 1,
        "loss": "every",
        "online": False,
        "acts_first": False,
    }


class Server:
    def __init__(self, hello, build):
        self.hello = hello
        self.build = build
        self.sampler = None

    def answer(self, request):
        do = request["do"]
        if do == "hello":
            return self.hello()
        if do == "prepare":
            self.sampler = None
            alone = request["workload"]["threads"] == 1
            self.sampler = Sampler(self.build(request["workload"]).call, time.process_time if alone else time.perf_counter)
            return {"ok": True}
        if do == "time":
            return {"samples": self.sampler.round(request["seconds"])}
        if do == "check":
            return self.build(workload_of(request["case"])).check(request["case"])
        return {"error": f"a peer does not {do}"}

    def serve(self):
        # What libraries print must not be taken for an answer.
        out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        for line in sys.stdin:
            try:
                reply = self.answer(json.loads(line))
            except Skip as why:
                reply = {"skip": str(why)}
            except Exception as error:  # pylint: disable=broad-except
                reply = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
            print(json.dumps(reply), file=out, flush=True)
