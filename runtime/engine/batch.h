// Batches of sequences: with values of their own, or as a view of a caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace eligo {

// Values as they lie in memory.
struct Stored {
  enum class Type { f32, f64, i32 };
  Type type = Type::f64;
  const void* data = nullptr;
  std::size_t count = 0;
};

// One batch of sequences. Row-major [T][B][...], float64 at this boundary; padded steps may hold anything finite.
struct Batch {
  std::int64_t steps = 0;             // T
  std::int64_t examples = 0;          // B
  std::vector<double> x;              // [T][B][inputs]
  std::vector<double> y;              // [T][B][targets]; empty: the readout has no target
  std::vector<double> loss_mask;      // [T][B]; empty: every step counts
  std::vector<std::int64_t> lengths;  // [B]; empty: all T
  // [T][B], 1 or 0; empty: all count. At a step that does not count the net and the recurrences run as ever, but its
  // loss is 0, learn lines about it add nothing, and it is no sample of a statistic. The start counts where the first
  // step does.
  std::vector<double> valid;
  // Draws by the name of the equation that is one ("ν", "net.ξ"), [T][B][...], instead of random ones; and what
  // ProgramSpec::starts names ("P[start]"), [B][...].
  std::map<std::string, std::vector<double>> given;
};

// Values of sequences in a caller's memory, float32 or float64, [T][B][channels] by any strides: also [B][T][channels],
// or parts of a larger array. Strides are in values. None of it is copied; it must stay as it is while a sequence runs.
struct ValuesView {
  const void* data = nullptr;  // null: there are none
  bool float64 = true;
  std::int64_t step = 0, example = 0, channel = 1;

  explicit operator bool() const { return data != nullptr; }
  // Contiguous values: [T][B][channels], or, with `by_example`, [B][T][channels].
  template <class Real>
  static ValuesView of(const Real* data, std::int64_t steps, std::int64_t examples, std::int64_t channels,
                       bool by_example = false) {
    static_assert(sizeof(Real) == 4 || sizeof(Real) == 8);
    return {data, sizeof(Real) == 8, by_example ? channels : examples * channels,
            by_example ? steps * channels : channels, 1};
  }
  double at(std::int64_t t, std::int64_t b, std::int64_t c) const {
    const std::int64_t place = t * step + b * example + c * channel;
    return float64 ? static_cast<const double*>(data)[place]
                   : static_cast<double>(static_cast<const float*>(data)[place]);
  }
  // The same from this step and example on.
  ValuesView from(std::int64_t t, std::int64_t b) const;
};

// As Batch, field by field.
class BatchView {
 public:
  BatchView() = default;
  // Of a batch whose vectors have the sizes that its steps and examples ask for; it must outlive the view.
  explicit BatchView(const Batch& batch);

  std::int64_t steps = 0, examples = 0;
  ValuesView x, y;              // channels: the inputs, the targets
  ValuesView loss_mask, valid;  // one channel
  std::span<const std::int64_t> lengths;
  const std::map<std::string, std::vector<double>>* given = nullptr;  // null: nothing is
};

}  // namespace eligo
