"""PyTorch beside eligo: the same rules as one writes them there. See protocol.py for what it speaks."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "protocol"))
import protocol  # noqa: E402

try:
    import torch
except ImportError:
    print("PyTorch is not installed (on Debian: python3-torch libopenblas0-pthread)", file=sys.stderr)
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
    return {
        "peer": "torch",
        "versions": {"PyTorch": torch.__version__, "OpenBLAS core": protocol.blas_core()},
    }


def build(workload):
    if workload["rule"] not in RULES:
        raise protocol.Skip(f"no rule {workload['rule']} in PyTorch here")
    if workload["update"] != "sequence" or workload["online"]:
        raise protocol.Skip("updates only at the end of a sequence")
    torch.set_num_threads(workload["threads"])
    protocol.set_blas_threads(workload["threads"])
    torch.set_default_dtype(torch.float64 if workload["dtype"] == "f64" else torch.float32)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    return RULES[workload["rule"]](workload)


if __name__ == "__main__":
    protocol.Server(hello, build).serve()
