// What is measured: a rule on a net of some size, with a batch that teaches it. Data are drawn, not learned from.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "runtime/engine/session.h"
#include "runtime/library/program_spec.h"

namespace eligo::compiler {
struct Facts;
}

namespace eligo::bench {

// Which steps have a loss, and what their targets are.
enum class Losses { every, last };
enum class Targets { real, one_hot, bits };

struct Workload {
  std::string name;     // of the row
  ProgramSpec program;  // with all parts and sizes
  std::map<std::string, double> hypers;
  std::int64_t batch = 1, steps = 1;
  int threads = 1;
  Losses losses = Losses::every;
  Targets targets = Targets::real;
  bool online = false;      // one step a call, learning at each
  bool acts_first = false;  // a pass without learning before the one that learns: a policy that is sampled from
};

// Inputs and targets of the workload's shape.
Batch draw(const Workload& workload);
Batch draw(const Workload& workload, const compiler::Facts& plan);

// The workload for a peer: names, sizes, and everything else that decides what is to be computed.
nlohmann::json to_json(const Workload& workload);

// A session that is ready to be timed.
class Run {
 public:
  explicit Run(const Workload& workload);
  // With a program of one's own, such as one whose phases are timed.
  Run(const Workload& workload, std::shared_ptr<const Program> program);
  void call();  // a batch with all updates, or a step
  Session& session() { return *session_; }
  const std::shared_ptr<const Program>& program() const { return program_; }

 private:
  bool online_, acts_first_;
  std::shared_ptr<const Program> program_;
  std::unique_ptr<Session> session_;
  Batch batch_;
  std::size_t at_ = 0;  // the step that comes, online
};

}  // namespace eligo::bench
