#include "python/src/arrays.h"

#include <fmt/format.h>

namespace nb = nanobind;

namespace eligo::python {
namespace {

bool is_float(const Array& array, int bits) {
  return array.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && array.dtype().bits == bits &&
         array.dtype().lanes == 1;
}

void check_dtype(const Array& array, const char* what) {
  if (!is_float(array, 32) && !is_float(array, 64))
    throw nb::type_error(fmt::format("{} has dtype {}; use float32 or float64, such as {}.astype(\"float32\")", what,
                                     dtype_text(array), what).c_str());
}

nb::builtin_exception wrong_shape(const std::string& text) { return nb::value_error(text.c_str()); }

}  // namespace

std::string shape_text(const Array& array) {
  std::string text = "(";
  for (std::size_t i = 0; i < array.ndim(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", array.shape(i));
  return text + (array.ndim() == 1 ? ",)" : ")");
}

std::string dtype_text(const Array& array) {
  const auto type = array.dtype();
  using Code = nb::dlpack::dtype_code;
  const char* name = "unknown";
  switch (static_cast<Code>(type.code)) {
    case Code::Int: name = "int"; break;
    case Code::UInt: name = "uint"; break;
    case Code::Float: name = "float"; break;
    case Code::Bfloat: name = "bfloat"; break;
    case Code::Complex: name = "complex"; break;
    case Code::Bool: return "bool";
    default: break;
  }
  return fmt::format("{}{}", name, type.bits);
}

SequenceArray::SequenceArray(const Array& array, const char* what, Layout layout, std::int64_t channels) {
  check_dtype(array, what);
  const bool by_example = layout == Layout::example_first;
  const char* form = by_example ? "B, T" : "T, B";
  const bool flat = array.ndim() == 2 && channels == 1;
  if (array.ndim() != 3 && !flat)
    throw wrong_shape(fmt::format("{} has shape {}; expected ({}, {})", what, shape_text(array), form, channels));
  const auto last = flat ? std::int64_t{1} : static_cast<std::int64_t>(array.shape(2));
  if (last != channels)
    throw wrong_shape(fmt::format("{} has shape {}; expected ({}, {}): its last axis has {} instead of {}", what,
                                  shape_text(array), form, channels, last, channels));
  const std::size_t t = by_example ? 1 : 0, b = by_example ? 0 : 1;
  steps = static_cast<std::int64_t>(array.shape(t));
  examples = static_cast<std::int64_t>(array.shape(b));
  values = {array.data(), is_float(array, 64), array.stride(t), array.stride(b), flat ? 1 : array.stride(2)};
}

void read_step(const Array& array, const char* what, std::int64_t examples, std::int64_t channels,
               std::vector<double>& into) {
  check_dtype(array, what);
  const std::size_t axes = array.ndim();
  const bool row = axes == 1 && (examples == 1 || channels == 1);
  const auto size = [&](std::size_t axis) { return static_cast<std::int64_t>(array.shape(axis)); };
  const bool fits = axes == 2 ? size(0) == examples && size(1) == channels : row && size(0) == examples * channels;
  if (!fits)
    throw wrong_shape(fmt::format("{} has shape {}; expected ({}, {})", what, shape_text(array), examples, channels));
  into.resize(static_cast<std::size_t>(examples * channels));
  const std::int64_t along = axes == 2 ? array.stride(0) : channels == 1 ? array.stride(0) : 0;
  const std::int64_t across = axes == 2 ? array.stride(1) : channels == 1 ? 0 : array.stride(0);
  const auto copy = [&](const auto* data) {
    for (std::int64_t e = 0; e < examples; ++e)
      for (std::int64_t c = 0; c < channels; ++c)
        into[static_cast<std::size_t>(e * channels + c)] = static_cast<double>(data[e * along + c * across]);
  };
  if (is_float(array, 64)) copy(static_cast<const double*>(array.data()));
  else copy(static_cast<const float*>(array.data()));
}

nb::object numpy_array(std::vector<double> values, const std::vector<std::size_t>& shape) {
  auto* kept = new std::vector<double>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, double>(kept->data(), shape.size(), shape.data(), owner));
}

}  // namespace eligo::python
