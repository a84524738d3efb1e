// A case of `eligo eval` that says something of every field.
#pragma once

#include <nlohmann/json.hpp>

namespace eligo::fuzz {

inline nlohmann::json valid_case() {
  return nlohmann::json::parse(R"({
    "rule": "bp_lambda", "cell": "rnn_tanh", "readout": "linear_mse", "synth": "linear",
    "sizes": {"n": 2, "m": 3, "k": 1}, "hyper": {"lambda": 0.5, "gamma": 0.9}, "dtype": "f64", "backend": "interpreter",
    "values": {"net.W": [[0.1, 0.2], [0.3, 0.4]], "net.b": [0.1, -0.1], "g.A": [[0, 1], [1, 0]],
               "net.h[start]": [[0, 0.5], [0.5, 0]]},
    "x": [[[1, 2, 3], [0, 1, 0]], [[3, 2, 1], [1, 1, 1]]], "y": [[[1], [0]], [[0], [1]]],
    "loss_mask": [[1, 0], [1, 1]], "lengths": [2, 1], "threads": 1, "seed": 3, "optimiser": "sgd", "cpu": "native",
    "update": {"every": "step", "sgd": {"θ": 0.1, "ψ": 0.0}}, "show": ["s", "L", "G", "e"]
  })");
}

}  // namespace eligo::fuzz
