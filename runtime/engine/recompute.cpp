// The way back through windows of which only a segment is kept: see segments.h.
//
//   forward   1 .. 5 | 6 .. 10 | 11 .. 13          joints behind steps 0, 5 and 10 are put aside
//   back      13 .. 11, then from joint 5 again 6 .. 10, then 10 .. 6, ...
//
// A run of steps that a phase of the way back takes at once is never cut, so sums over it are made in the same order.
// It may reach over a joint; then a few steps are taken a third time.
#include <algorithm>
#include <cstring>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"

namespace eligo {

namespace {

// Copies of steps from..to of everything that is computed again, one tensor behind the other.
class Copies {
 public:
  Copies(Memory& memory, int shard, std::int64_t from, std::int64_t to)
      : memory_(memory), shard_(shard), from_(from), steps_(to - from + 1) {}

  void save(std::vector<std::byte>& into) const {
    into.resize(static_cast<std::size_t>(bytes()));
    std::byte* at = into.data();
    each([&](std::byte* slots, std::int64_t size) {
      std::memcpy(at, slots, static_cast<std::size_t>(size));
      at += size;
    });
  }
  void load(const std::vector<std::byte>& from) const {
    const std::byte* at = from.data();
    each([&](std::byte* slots, std::int64_t size) {
      std::memcpy(slots, at, static_cast<std::size_t>(size));
      at += size;
    });
  }

 private:
  template <class Work>
  void each(const Work& work) const {
    const compiler::Layout& layout = memory_.layout();
    for (std::size_t i = 0; i < layout.tensors.size(); ++i)
      if (const int tensor = static_cast<int>(i); layout.tensors[i].again)
        work(memory_.slot(tensor, from_, shard_), steps_ * memory_.count(shard_) * memory_.row_bytes(tensor));
  }
  std::int64_t bytes() const {
    std::int64_t all = 0;
    each([&](std::byte*, std::int64_t size) { all += size; });
    return all;
  }

  Memory& memory_;
  int shard_;
  std::int64_t from_, steps_;
};

}  // namespace

// Which phases are to be run again, and memory for what is put aside, as much as the longest sequence needs.
void Sequence::prepare_segments() {
  const compiler::Segments& s = layout_.segments;
  again_gathered_ = compiler::gathered_forward(plan_);
  again_arrives_ = compiler::arrivals_are_read_back(plan_);
  for (auto& shard : shards_) {
    shard->joints.resize(static_cast<std::size_t>(s.joints));
    for (auto& joint : shard->joints) Copies(*memory_, shard->number, -s.back, 0).save(joint.values);
    Copies(*memory_, shard->number, -s.back, plan_.window_ahead).save(shard->next);
    Copies(*memory_, shard->number, -s.back, s.ahead).save(shard->overlap);
    std::int64_t gathered = 0;
    for (const int gradient : again_gathered_) gathered += memory_->gradient_bytes(gradient);
    shard->gathered.resize(static_cast<std::size_t>(gathered));
  }
}

void Sequence::keep_joint(Shard& shard, std::int64_t step) {
  if (shard.joints_used == shard.joints.size()) shard.joints.emplace_back();
  auto& joint = shard.joints[shard.joints_used++];
  joint.step = step;
  Copies(*memory_, shard.number, step - layout_.segments.back, step).save(joint.values);
}

void Sequence::go_to_joint(Shard& shard, const Joint& joint) {
  memory_->set_origin(shard.number, joint.step);
  Copies(*memory_, shard.number, joint.step - layout_.segments.back, joint.step).load(joint.values);
}

// Before steps from..to are taken: a new segment begins where they would not fit.
void Sequence::make_room(Shard& shard, std::int64_t from, std::int64_t to) {
  if (from == 1) shard.joints_used = 0;
  if (from == 1 && runs_arrivals()) keep_joint(shard, 0);
  if (from > steps_ || to <= memory_->origin(shard.number) + layout_.segments.steps) return;
  if (!runs_arrivals()) shard.joints_used = 0;  // there is no way back
  keep_joint(shard, from - 1);
  go_to_joint(shard, shard.joints[shard.joints_used - 1]);
}

// On the way back before steps from..to: a segment that has them.
void Sequence::reach(Shard& shard, const Window& w, std::int64_t from, std::int64_t to) {
  if (from - 1 >= memory_->origin(shard.number)) return;
  const compiler::Segments& s = layout_.segments;
  const Copies around(*memory_, shard.number, to - s.back, to + s.ahead);  // known by now, and read by what follows
  around.save(shard.overlap);
  while (shard.joints[shard.joints_used - 1].step > from - 1) --shard.joints_used;
  const Joint& joint = shard.joints[shard.joints_used - 1];
  go_to_joint(shard, joint);
  take_again(shard, joint.step + 1, to);
  around.load(shard.overlap);
  shard.resolver.moment = {to, w.start, false};
  shard.held_to = to + s.ahead;
  collect_all_ends(shard);
}

void Sequence::take_again(Shard& shard, std::int64_t from, std::int64_t to) {
  std::byte* aside = shard.gathered.data();
  const auto each_gathered = [&](const auto& work) {
    std::byte* at = aside;
    for (const int gradient : again_gathered_) {
      const auto bytes = static_cast<std::size_t>(memory_->gradient_bytes(gradient));
      work(at, memory_->shard_gradient(gradient, shard.number), bytes);
      at += bytes;
    }
  };
  each_gathered([](std::byte* at, std::byte* gathered, std::size_t bytes) { std::memcpy(at, gathered, bytes); });
  for (std::int64_t t = from; t <= to; t += layout_.run) {
    const std::int64_t last = std::min(to, t + layout_.run - 1);
    run_steps(shard, t, last);
    if (again_arrives_) run_arrivals(shard, t, last, false);
  }
  each_gathered([](std::byte* at, std::byte* gathered, std::size_t bytes) { std::memcpy(gathered, at, bytes); });
}

void Sequence::collect_all_ends(Shard& shard) {
  for (const int phase : {sweep_.step, sweep_start_, close_})
    if (phase >= 0) collect_ends(shard, phase);
}

// Whether a step's values of a tensor are at hand.
bool Sequence::holds(const Shard& shard, int tensor, std::int64_t t) const {
  if (!layout_.tensors[static_cast<std::size_t>(tensor)].again) return true;
  return t >= memory_->origin(shard.number) - layout_.segments.back && t <= shard.held_to;
}

// What is known of the next window, before the way back through this one and after it.
void Sequence::put_end_aside(Shard& shard, const Window& w) {
  if (w.end >= steps_) return;
  Copies(*memory_, shard.number, w.end - layout_.segments.back, w.end + plan_.window_ahead).save(shard.next);
}

void Sequence::return_to_end(Shard& shard, const Window& w) {
  if (w.end >= steps_) return;
  memory_->set_origin(shard.number, w.end);
  Copies(*memory_, shard.number, w.end - layout_.segments.back, w.end + plan_.window_ahead).load(shard.next);
  shard.joints_used = 0;
  keep_joint(shard, w.end);
}

}  // namespace eligo
