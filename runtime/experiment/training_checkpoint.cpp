// The checkpoints of a training: written from where the values lie, read back to there.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/data/npz.h"
#include "runtime/experiment/training.h"
#include "support/error.h"

namespace eligo {
namespace {

using Clock = std::chrono::steady_clock;

// Seconds between checkpoints: the least, and as a multiple of what one takes.
constexpr double kSaveEvery = 5, kTimesItsOwn = 30;

std::size_t width_of(const Stored& stored) { return stored.type == Stored::Type::f64 ? 8 : 4; }

bool is_start(const TensorInfo& info) { return info.name.ends_with("[start]"); }

}  // namespace

void Training::take_best() {
  std::size_t at = 0;
  for (const auto& info : session_.tensors()) {
    if (!info.parameter) continue;
    if (at == best_.size()) best_.emplace_back();
    const Stored stored = session_.view(info.name);
    const auto* from = static_cast<const std::byte*>(stored.data);
    best_[at++].assign(from, from + stored.count * width_of(stored));
  }
  best_saved_ = false;
}

// The session's parameters with those of the best epoch.
void Training::exchange_best() {
  std::size_t at = 0;
  for (const auto& info : session_.tensors())
    if (info.parameter) session_.exchange(info.name, best_[at++]);
}

void Training::save_best() {
  if (best_saved_) return;
  NpzWriter writer(place_.best_path);
  std::size_t at = 0;
  for (const auto& info : session_.tensors()) {
    if (!info.parameter) continue;
    Stored stored = session_.view(info.name);
    stored.data = best_[at++].data();
    writer.add(info.name, info.shape, stored);
  }
  writer.commit();
  best_saved_ = true;
}

// The rows of the metrics and the best epoch are on the disk before the checkpoint that counts on them.
void Training::save() {
  const Clock::time_point begin = Clock::now();
  place_.metrics->sync();
  save_best();
  NpzWriter writer(place_.last_path);
  for (const auto& info : session_.tensors())
    if (!is_start(info)) writer.add(info.name, info.shape, session_.view(info.name));
  state_.sequence = session_.sequence();
  write_state(writer, state_, limits_of(variant_, source_, place_.seed, place_.identity));
  writer.commit();
  saved_ = Clock::now();
  save_every_ = std::max(kSaveEvery, kTimesItsOwn * std::chrono::duration<double>(saved_ - begin).count());
}

void restore_tensors(const NpzReader& from, Session& session, bool parameters_only) {
  for (const auto& info : session.tensors()) {
    if (is_start(info) || (parameters_only && !info.parameter)) continue;
    const NpzReader::Array* array = from.find(info.name);
    if (array == nullptr)
      throw Error(fmt::format("{}: {} is missing; this checkpoint belongs to another net or rule", from.path(),
                              info.name));
    if (array->shape != info.shape)
      throw Error(fmt::format("{}: {} has the shape ({}), expected ({}); this checkpoint belongs to another net",
                              from.path(), info.name, fmt::join(array->shape, ", "), fmt::join(info.shape, ", ")));
    from.read(info.name, [&](std::uint64_t first, std::span<const double> values) {
      session.restore(info.name, static_cast<std::size_t>(first), values);
    });
  }
}

void Training::resume() {
  std::error_code error;
  if (!std::filesystem::exists(place_.last_path, error)) return;
  const NpzReader last(place_.last_path);
  state_ = read_state(last, limits_of(variant_, source_, place_.seed, place_.identity));
  source_.set_level(state_.outcome.level);
  if (state_.outcome.best_epoch > 0) {  // through the session's memory, which then takes the last ones
    if (!std::filesystem::exists(place_.best_path, error))
      throw Error(fmt::format("{}: is missing; put it back, or remove {} to train this variant again from its start",
                              place_.best_path, place_.last_path));
    restore_tensors(NpzReader(place_.best_path), session_, true);
    take_best();
    best_saved_ = true;
  }
  restore_tensors(last, session_, false);
  session_.set_sequence(state_.sequence);
}

}  // namespace eligo
