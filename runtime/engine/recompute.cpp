#include "runtime/engine/recompute.h"

#include <cstring>

namespace eligo {

Recomputation::Recomputation(Memory& memory, int shard, std::int64_t window_ahead, const std::vector<int>& gathered)
    : memory_(memory),
      shard_(shard),
      window_ahead_(window_ahead),
      gathered_tensors_(gathered),
      segments_(memory.layout().segments) {
  if (!any()) return;
  checkpoints_.resize(static_cast<std::size_t>(segments_.checkpoints));
  for (Checkpoint& checkpoint : checkpoints_) save(checkpoint.values, -segments_.back, 0);
  save(next_, -segments_.back, window_ahead_);
  save(overlap_, -segments_.back, segments_.ahead);
  std::int64_t bytes = 0;
  for (const int gradient : gathered_tensors_) bytes += memory_.gradient_bytes(gradient);
  gathered_.resize(static_cast<std::size_t>(bytes));
}

template <class Work>
void Recomputation::each_tensor(std::int64_t from, std::int64_t to, const Work& work) const {
  const compiler::Layout& layout = memory_.layout();
  for (std::size_t i = 0; i < layout.tensors.size(); ++i)
    if (const int tensor = static_cast<int>(i); layout.tensors[i].again)
      work(memory_.slot(tensor, from, shard_),
           static_cast<std::size_t>((to - from + 1) * memory_.count(shard_) * memory_.row_bytes(tensor)));
}

void Recomputation::save(std::vector<std::byte>& into, std::int64_t from, std::int64_t to) const {
  std::size_t bytes = 0;
  each_tensor(from, to, [&](const std::byte*, std::size_t size) { bytes += size; });
  into.resize(bytes);
  std::byte* at = into.data();
  each_tensor(from, to, [&](const std::byte* slots, std::size_t size) {
    std::memcpy(at, slots, size);
    at += size;
  });
}

void Recomputation::load(const std::vector<std::byte>& saved, std::int64_t from, std::int64_t to) const {
  const std::byte* at = saved.data();
  each_tensor(from, to, [&](std::byte* slots, std::size_t size) {
    std::memcpy(slots, at, size);
    at += size;
  });
}

void Recomputation::keep(std::int64_t step) {
  if (used_ == checkpoints_.size()) checkpoints_.emplace_back();
  Checkpoint& checkpoint = checkpoints_[used_++];
  checkpoint.step = step;
  save(checkpoint.values, step - segments_.back, step);
}

void Recomputation::go_to(const Checkpoint& checkpoint) {
  memory_.set_origin(shard_, checkpoint.step);
  load(checkpoint.values, checkpoint.step - segments_.back, checkpoint.step);
}

void Recomputation::hold(std::int64_t from, std::int64_t to, std::int64_t steps, bool returns) {
  held_to_ = to + segments_.ahead;
  if (from == 1) used_ = 0;
  if (from == 1 && returns) keep(0);
  if (from > steps || to <= memory_.origin(shard_) + segments_.steps) return;
  if (!returns) used_ = 0;
  keep(from - 1);
  go_to(checkpoints_[used_ - 1]);
}

// Goes to the checkpoint before `from`; the first step to be computed again is the one behind it.
std::int64_t Recomputation::open(std::int64_t from, std::int64_t to) {
  save(overlap_, to - segments_.back, to + segments_.ahead);  // known by now, and read by what follows
  while (checkpoints_[used_ - 1].step > from - 1) --used_;
  const Checkpoint& checkpoint = checkpoints_[used_ - 1];
  go_to(checkpoint);
  std::byte* at = gathered_.data();
  each_gathered([&](std::byte* gathered, std::size_t bytes) {
    std::memcpy(at, gathered, bytes);
    at += bytes;
  });
  return checkpoint.step + 1;
}

void Recomputation::shut(std::int64_t to) {
  const std::byte* at = gathered_.data();
  each_gathered([&](std::byte* gathered, std::size_t bytes) {
    std::memcpy(gathered, at, bytes);
    at += bytes;
  });
  load(overlap_, to - segments_.back, to + segments_.ahead);
  held_to_ = to + segments_.ahead;
}

template <class Work>
void Recomputation::each_gathered(const Work& work) {
  for (const int gradient : gathered_tensors_)
    work(memory_.shard_gradient(gradient, shard_), static_cast<std::size_t>(memory_.gradient_bytes(gradient)));
}

bool Recomputation::holds(int tensor, std::int64_t t) const {
  if (!memory_.layout().tensors[static_cast<std::size_t>(tensor)].again) return true;
  return t >= memory_.origin(shard_) - segments_.back && t <= held_to_;
}

void Recomputation::leave_end(const Window& window, std::int64_t steps) {
  if (window.end < steps) save(next_, window.end - segments_.back, window.end + window_ahead_);
}

void Recomputation::return_to_end(const Window& window, std::int64_t steps) {
  if (window.end >= steps) return;
  memory_.set_origin(shard_, window.end);
  load(next_, window.end - segments_.back, window.end + window_ahead_);
  used_ = 0;
  keep(window.end);
}

}  // namespace eligo
