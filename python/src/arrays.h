// Arrays of any library that speaks DLPack or the buffer protocol (NumPy, PyTorch, JAX), read where they lie.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/engine/batch.h"

namespace eligo::python {

using Array = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;

// How the first two axes of an array of sequences are to be read.
enum class Layout { step_first, example_first };

// [T, B, channels], or [B, T, channels], float32 or float64, any strides. With one channel the last axis may be missing.
// `what` names it in messages. Throws what becomes TypeError: another dtype;
// ValueError: another shape.
struct SequenceArray {
  SequenceArray(const Array& array, const char* what, Layout layout, std::int64_t channels);

  std::int64_t steps = 0, examples = 0;
  ValuesView values;
};

// One step of all examples, [B, channels] or, of a single one, [channels]; as float64.
void read_step(const Array& array, const char* what, std::int64_t examples, std::int64_t channels,
               std::vector<double>& into);

// "(3, 4)", as NumPy writes shapes; "float32".
std::string shape_text(const Array& array);
std::string dtype_text(const Array& array);

// A new NumPy array with these values.
nanobind::object numpy_array(std::vector<double> values, const std::vector<std::size_t>& shape);

}  // namespace eligo::python
