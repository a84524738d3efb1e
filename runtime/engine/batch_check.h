// What a caller gives, checked before it is used: sizes, lengths, and that every number is finite.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/ir/manifest.h"
#include "runtime/engine/session.h"

namespace eligo {

// Whether all are finite; also as float32, where that is what they become.
bool all_finite(std::span<const double> values, bool float64 = true);

class BatchCheck {
 public:
  // `examples`, `steps`: the most of a batch; steps 0: any number.
  BatchCheck(const compiler::Plan& plan, bool float64, std::int64_t examples, std::int64_t steps);

  // All throw eligo::Error, which names what is wrong and where.
  void operator()(const BatchView& batch) const;
  // Of a batch's vectors.
  void sizes(const Batch& batch) const;
  // Of one step of all examples.
  void input(std::span<const double> x) const;
  void target(std::span<const double> y) const;
  void mask(std::span<const double> mask) const;

 private:
  void size(const char* what, std::size_t count, std::int64_t steps, std::int64_t examples, std::int64_t width) const;
  void values(const char* what, std::span<const double> values, std::int64_t steps, std::int64_t examples,
              std::int64_t width) const;
  void finite(const char* what, const ValuesView& values, std::int64_t steps, std::int64_t examples,
              std::int64_t width) const;
  bool all_finite(const ValuesView& values, std::int64_t steps, std::int64_t examples, std::int64_t width) const;
  void given(const BatchView& batch) const;

  const compiler::Plan& plan_;
  bool float64_;
  std::int64_t examples_, steps_;
  std::int64_t inputs_, targets_;  // of one step of an example
};

}  // namespace eligo
