#include "runtime/tasks/pieces.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/error.h"

namespace eligo {
namespace {

double weight_at(const Piece& piece, std::int64_t step) {
  const Sequences& data = *piece.data;
  const std::int64_t t = piece.first + step;
  if (!data.y.given()) return 0;
  if (!data.y.each_step && t != data.lengths[piece.sequence] - 1) return 0;
  return data.mask.given() ? data.mask(piece.sequence, t, 0) : 1;
}

// The target of a step, as a net sees it: `to` has data.targets() entries, all 0.
void write_target(const Piece& piece, std::int64_t step, double* to) {
  const Sequences& data = *piece.data;
  const std::int64_t t = piece.first + step;
  if (data.kind == TargetKind::label) {
    const auto found =
        std::lower_bound(data.class_values.begin(), data.class_values.end(), data.y(piece.sequence, t, 0));
    to[found - data.class_values.begin()] = 1;
    return;
  }
  for (std::int64_t c = 0; c < data.y.channels; ++c) to[c] = data.y(piece.sequence, t, c);
}

// Calls visit(channel, value) for each input of the pieces.
template <class Visit>
void for_each_input(const std::vector<Piece>& pieces, const Visit& visit) {
  for (const Piece& piece : pieces)
    for (std::int64_t t = 0; t < piece.steps; ++t)
      for (std::int64_t c = 0; c < piece.data->x.channels; ++c)
        visit(static_cast<std::size_t>(c), piece.data->x(piece.sequence, piece.first + t, c));
}

Scaling standard_scaling(const std::vector<Piece>& pieces, std::size_t channels) {
  std::vector<double> mean(channels), squares(channels);
  double steps = 0;
  for (const Piece& piece : pieces) steps += static_cast<double>(piece.steps);
  for_each_input(pieces, [&](std::size_t c, double value) { mean[c] += value / steps; });
  for_each_input(pieces,
                 [&](std::size_t c, double value) { squares[c] += (value - mean[c]) * (value - mean[c]) / steps; });
  Scaling scaling{mean, {}};
  // A channel that never changes says nothing: it becomes 0.
  for (std::size_t c = 0; c < channels; ++c) scaling.factor.push_back(squares[c] > 0 ? 1 / std::sqrt(squares[c]) : 1);
  return scaling;
}

Scaling range_scaling(const std::vector<Piece>& pieces, std::size_t channels) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> low(channels, infinity), high(channels, -infinity);
  for_each_input(pieces, [&](std::size_t c, double value) {
    low[c] = std::min(low[c], value);
    high[c] = std::max(high[c], value);
  });
  Scaling scaling{low, {}};
  for (std::size_t c = 0; c < channels; ++c) scaling.factor.push_back(high[c] > low[c] ? 1 / (high[c] - low[c]) : 1);
  return scaling;
}

}  // namespace

std::vector<Piece> pieces_of(const Sequences& data, const std::vector<std::uint64_t>& sequences, std::int64_t cut) {
  std::vector<Piece> pieces;
  for (const std::uint64_t sequence : sequences) {
    const std::int64_t length = data.lengths[sequence], most = cut == 0 ? length : cut;
    for (std::int64_t first = 0; first < length; first += most)
      pieces.push_back({&data, sequence, first, std::min(most, length - first)});
  }
  return pieces;
}

Scaling scaling_of(const std::string& how, const std::vector<Piece>& pieces) {
  const std::size_t channels = pieces.empty() ? 0 : static_cast<std::size_t>(pieces[0].data->x.channels);
  if (how == "none") return {std::vector<double>(channels, 0), std::vector<double>(channels, 1)};
  if (how == "standard") return standard_scaling(pieces, channels);
  if (how == "range") return range_scaling(pieces, channels);
  throw Error(fmt::format("normalise = {}: expected none, standard or range", how));
}

Batch batch_of(const Piece* pieces, std::uint64_t count, const Scaling& scaling) {
  Batch batch;
  batch.examples = static_cast<std::int64_t>(count);
  for (std::uint64_t b = 0; b < count; ++b) {
    batch.lengths.push_back(pieces[b].steps);
    batch.steps = std::max(batch.steps, pieces[b].steps);
  }
  const auto inputs = static_cast<std::size_t>(pieces[0].data->x.channels);
  const auto targets = static_cast<std::size_t>(pieces[0].data->targets());
  const auto rows = static_cast<std::size_t>(batch.steps) * count;
  batch.x.assign(rows * inputs, 0);
  batch.y.assign(rows * targets, 0);
  batch.loss_mask.assign(rows, 0);
  for (std::uint64_t b = 0; b < count; ++b) {
    const Piece& piece = pieces[b];
    for (std::int64_t t = 0; t < piece.steps; ++t) {
      const std::size_t row = static_cast<std::size_t>(t) * count + b;
      for (std::size_t c = 0; c < inputs; ++c)
        batch.x[row * inputs + c] =
            (piece.data->x(piece.sequence, piece.first + t, static_cast<std::int64_t>(c)) - scaling.offset[c]) *
            scaling.factor[c];
      batch.loss_mask[row] = weight_at(piece, t);
      if (batch.loss_mask[row] != 0) write_target(piece, t, batch.y.data() + row * targets);
    }
  }
  if (std::all_of(batch.lengths.begin(), batch.lengths.end(), [&](std::int64_t n) { return n == batch.steps; }))
    batch.lengths.clear();
  return batch;
}

std::vector<double> target_means(const std::vector<Piece>& pieces) {
  std::vector<double> sums(pieces.empty() ? 0 : static_cast<std::size_t>(pieces[0].data->y.channels));
  double count = 0;
  for (const Piece& piece : pieces)
    for (std::int64_t t = 0; t < piece.steps; ++t) {
      if (weight_at(piece, t) == 0) continue;
      for (std::size_t c = 0; c < sums.size(); ++c)
        sums[c] += piece.data->y(piece.sequence, piece.first + t, static_cast<std::int64_t>(c));
      count += 1;
    }
  for (double& sum : sums) sum /= std::max(1.0, count);
  return sums;
}

}  // namespace eligo
