// A session holds the parameters of a compiled rule and runs batches of sequences or single steps; any tensor is read and
// written by name. How a rule is compiled: runtime/library/compile.h.
//
//   eligo::Session session(program, {.batch = 10, .steps = 10, .seed = 1});
//   session.run(batch);            // one sequence of a batch, with learning
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/engine/batch.h"
#include "support/error.h"

namespace eligo {

class Program;  // compiled, immutable, shared between sessions: runtime/library/compile.h

struct SessionOptions {
  std::int64_t batch = 1;  // largest number of examples of a batch
  std::int64_t steps = 1;  // longest sequence
  std::uint64_t seed = 0;
  int threads = 1;
  std::uint64_t memory = 0;       // bytes that the session may take; 0: what is available
  std::int64_t most_at_once = 0;  // steps that are computed together where they may be; 0: what suits the caches
};

struct TensorInfo {
  std::string name;  // "net.W", "g.A", "net.h[start]", keep values by their name
  std::vector<std::int64_t> shape;
  bool parameter = false;  // trained (or at least trainable)
  std::string bundle;      // what the rule learns it as ("θ"); empty: no learn line does
  bool assigned = false;   // an `at each` block of the rule says what it becomes
};

// The first value of a batch that was not finite, in the order in which things are computed.
struct NonFinite {
  enum class Kind { equation, learned, parameter, loss };
  Kind kind = Kind::loss;
  std::string name;           // "L.loss"; of what is learned, or of a parameter: "net.W"; empty: the loss
  std::int64_t step = -1;     // -1: of no step; 0: at start
  std::int64_t example = -1;  // from 0 on; -1: of none
  double value = 0;

  std::string text() const;  // "L.loss at step 5 of example 1 is inf"
};

struct RunResult {
  double loss = 0;              // Σ_t mean over the batch of L[t]
  std::int64_t loss_steps = 0;  // (step, example) pairs that were counted in it
  // With a schedule `approximate replay(k)`: of all walks back that ended before the start, the largest length that the
  // learning signal still had, over the one with which it set out. What was left out of an update is at most that share
  // of the signal's length, times the Jacobian of the step before, times the length of the trace there.
  double left_out = 0;
  std::optional<NonFinite> not_finite;  // of Session::train
};

class Session {
 public:
  Session(std::shared_ptr<const Program> program, const SessionOptions& options);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Draws every parameter again from the session's seed, clears optimiser and keep values.
  void initialise();

  // Bytes that it takes, and those that one without a limit would take.
  double bytes() const;
  static double unlimited_bytes(const Program& program, const SessionOptions& options);

  const std::vector<TensorInfo>& tensors() const;  // parameters, keep values, optimiser values, initial states
  // In a stream also the last values of states ("net.h"), of recurrences that run forward ("e") and of records, [B][...].
  std::vector<double> get(const std::string& name) const;
  void set(const std::string& name, std::span<const double> values);
  // Hypers by name: "λ", "lambda", "g.scale", "optimiser.alpha" (all parameters), "optimiser.θ.alpha" (one learned
  // bundle).
  void set_hyper(const std::string& name, double value);
  double hyper(const std::string& name) const;
  // Clips by the norm: what is gathered for all parameters that are updated together is made as long as this before the
  // optimiser takes it, if it is longer; 0: no matter how long. With a bundle ("θ"): for what is learned so, by itself.
  void set_clip(double length, const std::string& bundle = "");

  // A whole sequence; a BatchView names values where they lie, with the same results. With `learn` false nothing changes
  // (validation): only the forward pass is run.
  RunResult run(const Batch& batch, bool learn = true);
  RunResult run(const BatchView& batch, bool learn = true);
  // The same with learning, for trainings that end where they diverge: where the loss or what was gathered is not finite,
  // the parameters stay as they were before the batch, and the result says where that began. A parameter that the
  // optimiser itself has destroyed stays so, if it is updated at the sequence's end.
  RunResult train(const Batch& batch);
  RunResult train(const BatchView& batch);
  // Runs a batch once more, with the draws of the last one and without learning, and says what was not finite first.
  std::optional<NonFinite> find_not_finite(const Batch& batch);
  std::optional<NonFinite> find_not_finite(const BatchView& batch);
  // Online use: one step of every example (x: [B][inputs], y: [B][targets]); `reset` starts a new sequence.
  RunResult step(std::span<const double> x, std::span<const double> y);
  // Why it cannot learn step by step; empty where it can.
  const std::string& not_by_step() const;
  // The same in two halves, for targets or signals that depend on what the net puts out. `forward` takes the step and
  // returns the readouts' outputs, [B][outputs] of one after the other, where the program was compiled with
  // ProgramSpec::outputs (else nothing); any equation of ProgramSpec::show follows by `shown`. `learn` then does what the
  // step learns: y as in `step`; a mask [B] multiplies the loss; with zeros throughout y may be empty. Together they do
  // the same as `step`, to the bit. A stream without learning, `forward(x, false)`, takes no `learn`; every program has
  // it, also one that learns from whole sequences, and then for at most SessionOptions::steps steps.
  const std::vector<double>& forward(std::span<const double> x, bool learning = true);
  RunResult learn(std::span<const double> y, std::span<const double> mask = {});
  // A stream as it stands, with parameters and optimiser, also between the two halves of a step. A session of the same
  // program, batch and seed goes on from it to the bit. Throws eligo::Error: no stream; damaged; of something else.
  std::vector<std::byte> snapshot() const;
  void resume(std::span<const std::byte> snapshot);
  void reset();
  // Some examples of a stream begin again, as after an episode's end, while the others go on. What a line still waited
  // for of an episode that has ended is dropped, as with `reset`.
  void reset(std::span<const std::int64_t> examples);

  // After a run: [rows][B][...] of an equation named in ProgramSpec::show; rows is T, or T + 1 where it exists at
  // start. In a stream: its last value, one row; none before a value that looks ahead is known.
  struct Shown {
    std::int64_t rows = 0;
    std::vector<std::int64_t> shape;  // of one step and example
    std::vector<double> values;
  };
  Shown shown(const std::string& name) const;
  // The same of a line, "learn ψ" or "learn ψ 2" in ProgramSpec::show: what it adds for each parameter ("net.W"), before
  // the mean over the batch, the sum over the steps and a clip.
  std::map<std::string, Shown> shown_line(const std::string& line) const;
  // What Batch::given may hold: names, and the shape of a step of an example (of an example, at a start).
  std::vector<TensorInfo> givable() const;
  // From the next run on keeps the values of a parameter after each of its updates in the run.
  void keep_updates(const std::string& parameter);
  std::vector<std::vector<double>> after_updates(const std::string& parameter) const;
  // What the last run's learn lines gathered for a parameter (batch mean, step sum, signed), as clipped; after `step`, what
  // the last update took.
  std::vector<double> gathered(const std::string& parameter) const;

  // Everything that a bit-exact continuation needs, as named tensors and counters.
  std::map<std::string, std::vector<double>> state() const;
  // What `state` gave, also values that `set` would refuse because they are not finite.
  void restore(const std::map<std::string, std::vector<double>>& state);

  // The same without copies: the values of a tensor as they lie in the session's memory, row-major, until it changes or
  // goes; and from `first` on back there.
  Stored view(const std::string& name) const;
  void restore(const std::string& name, std::size_t first, std::span<const double> values);
  // The values of another session's tensor of the same size and kind.
  void copy(const std::string& name, const Session& from, const std::string& source);
  // Exchanges a tensor's values with as many bytes of its kind.
  void exchange(const std::string& name, std::span<std::byte> values);
  // How many sequences have begun: the key of their random draws.
  std::uint64_t sequence() const;
  void set_sequence(std::uint64_t count);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eligo
