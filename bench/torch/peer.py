"""PyTorch beside eligo: the same rules as one writes them there. See protocol.py for what it speaks."""

import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "protocol"))
import protocol  # noqa: E402

try:
    import torch
except ImportError:
    print("PyTorch is not installed (on Debian: python3-torch libopenblas0-pthread)", file=sys.stderr)
    sys.exit(3)

COMPILE = "--compile" in sys.argv[1:]  # by torch.compile
if COMPILE and not hasattr(torch, "compile"):
    print("this PyTorch has no torch.compile", file=sys.stderr)
    sys.exit(3)

import backprop  # noqa: E402
import bp_lambda  # noqa: E402
import sgprop  # noqa: E402

RULES = {
    "bptt": backprop.Backprop,
    "bp_lambda": bp_lambda.BpLambda,
    "bp_lambda_authors": bp_lambda.BpLambda,
    "sgprop_layers": sgprop.Bandit,
    "sgprop_temporal_slots": sgprop.Recurrent,
}


def hello():
    versions = {"PyTorch": torch.__version__}
    mkl = re.search(r"Math Kernel Library Version ([\w.]+)", torch.__config__.parallel_info())
    if mkl:  # it does not say for which core it takes this one
        versions["BLAS"] = f"MKL {mkl[1]}, vectors {torch.backends.cpu.get_cpu_capability()}"
    else:
        versions["OpenBLAS core"] = protocol.blas_core()
    return {"peer": "torch_compile" if COMPILE else "torch", "versions": versions}


def build(workload):
    if workload["rule"] not in RULES:
        raise protocol.Skip(f"no rule {workload['rule']} in PyTorch here")
    if workload["update"] != "sequence" or workload["online"]:
        raise protocol.Skip("updates only at the end of a sequence")
    if COMPILE and workload["rule"] != "bptt":
        raise protocol.Skip("torch.compile for backpropagation through time alone")
    torch.set_num_threads(workload["threads"])
    protocol.set_blas_threads(workload["threads"])
    torch.set_default_dtype(torch.float64 if workload["dtype"] == "f64" else torch.float32)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    return backprop.Compiled(workload) if COMPILE else RULES[workload["rule"]](workload)


if __name__ == "__main__":
    protocol.Server(hello, build).serve()
