// Runs a program over time: the parts of a session put together, and the way from a caller's batch to its result. What
// is done when is the timetable's to say (compiler/timetable), how it is done that of the executors.
//
// The batch is cut into fixed shards, whatever the number of threads; each runs on its own until parameters change, and
// what the shards gathered is added in a fixed order. Nothing is allocated inside a sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/engine/batch_check.h"
#include "runtime/engine/batch_executor.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/program.h"
#include "runtime/engine/session.h"
#include "runtime/engine/snapshot.h"

namespace eligo {

class Sequence {
 public:
  // Throws eligo::Error: it would take more memory than it may.
  Sequence(const Program& program, const SessionOptions& options);
  Sequence(const Sequence&) = delete;  // its parts refer to each other
  Sequence& operator=(const Sequence&) = delete;
  // Bytes that all of it takes; and those that one without a limit would take.
  double bytes() const { return layout_.bytes; }
  static double unlimited_bytes(const Program& program, const SessionOptions& options);

  Memory& memory() { return memory_; }
  // States before the first step, by tensor, [B][...].
  void set_start(const std::vector<std::vector<double>>& values) { start_ = values; }
  void parameters_changed() { executor_.parameters_changed(); }

  // See Session.
  // Throws eligo::Error where a vector has another size than its steps and examples ask for.
  void check(const Batch& batch) const { check_.sizes(batch); }
  RunResult run(const BatchView& batch, bool learn);
  RunResult step(std::span<const double> x, std::span<const double> y);
  void forward(std::span<const double> x, bool learn);
  RunResult learn(std::span<const double> y, std::span<const double> mask);
  std::vector<std::byte> snapshot() const;
  void resume(std::span<const std::byte> snapshot);
  NormBounds& bounds() { return executor_.bounds(); }
  const std::string& not_by_step() const { return not_alone_; }  // why; empty: it can learn so
  bool streams() const { return open_ && course_.online; }
  // In a stream: the last value of a state, a forward recurrence or a record, [B][...].
  std::vector<double> current(int tensor) const;
  void reset();
  void reset(std::span<const std::int64_t> examples);
  RunResult train(const BatchView& batch);
  std::optional<NonFinite> find_not_finite(const BatchView& batch, bool learn);

  Session::Shown shown(const compiler::Shown& shown) const;
  // By the numbers of parameters in Plan::learned.
  void keep_updates(int learned) { executor_.keep_updates(learned); }
  const std::vector<std::vector<double>>& after_updates(int learned) const { return executor_.after_updates(learned); }
  std::vector<double> gathered(int learned) const { return executor_.reduction().gathered(learned); }
  std::uint64_t count() const { return course_.number; }  // sequences begun: the key of their random draws
  void set_count(std::uint64_t count) { course_.number = count; }

 private:
  void check_room(const std::string& name, const Session::Shown& shown) const;
  void begin(std::int64_t examples, std::int64_t steps, bool learn);
  void bound_unwritten();
  void take(const BatchView& batch);
  void note_form(const BatchView& batch);
  // Carries out what each(work) calls work(list, cursor) for: as it is, or from a tape that was recorded of it.
  template <class Each>
  void carry_out(const Tapes::Key& key, std::int64_t t, const Each& each);
  template <class Work>
  void each_span(const Work& work) const;
  void one_step(int number, const std::vector<compiler::Instruction>& list, const Cursor& span);
  std::int64_t period() const;
  std::int64_t span_end(std::int64_t from, std::int64_t arrivals) const;
  RunResult result() const;
  std::string why_not_alone() const;
  void check_steps_alone() const;
  Cursor arrive(bool learn);
  void give(std::span<const double> x, std::span<const double> y, std::span<const double> mask);
  std::int64_t latest(int tensor) const;
  std::vector<double> row(int tensor, std::int64_t t) const;
  std::int64_t example_of(const BatchView& batch, const NonFinite& found, bool learn);
  void put_back();

  const compiler::Plan& plan_;
  const compiler::Timetable& timetable_;
  SessionOptions options_;
  int shards_;
  std::int64_t rows_;  // examples of the largest shard
  compiler::Layout layout_;
  Memory memory_;
  BatchCheck check_;
  Feed feed_;
  Course course_;
  TimetableLoops loops_;
  std::vector<std::vector<double>> start_;
  BatchExecutor executor_;

  Tapes tapes_;
  std::vector<int> shown_;      // tensors
  int inverse_batch_;           // a tensor
  std::int64_t period_ = 0;     // after so many steps of a stream all lies where it did; 0: after too many
  std::int64_t settled_ = 0;    // the step from which on a stream's steps are alike
  std::string not_alone_;       // why steps cannot be given one by one; empty: they can
  std::int64_t t_ = 0;          // steps taken online
  std::int64_t divided_ = -1;   // examples that the shards have been cut for
  std::int64_t bounded_steps_ = 0;     // the longest sequence of so many examples so far
  std::vector<std::int64_t> bounded_;  // of each bounded tensor and shard: values that are finite
  bool open_ = false;           // a sequence is going on
  bool waits_ = false;          // its last step has not learned yet
  struct Form {
    std::int64_t steps = 0, examples = 0;
    bool mask = false, valid = false;
    std::vector<std::int64_t> lengths;
  } last_;                      // of the last whole sequence
  std::uint64_t forms_ = 0;     // how often it was another one
  std::vector<double> masked_;  // the loss mask where only some steps count
};

}  // namespace eligo
