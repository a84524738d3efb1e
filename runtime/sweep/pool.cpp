#include "runtime/sweep/pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <list>
#include <map>

#include "runtime/experiment/progress.h"
#include "runtime/sweep/line_folder.h"
#include "runtime/sweep/overview.h"
#include "runtime/sweep/process.h"
#include "runtime/sweep/work.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr int kMostAttempts = 3;    // of a line whose workers are killed
constexpr int kMilliseconds = 200;  // between looks at the clock and at interrupts

struct Worker {
  const PlanLine* line;
  Process process;
  std::string unread, last;  // of what it says: the line that has not ended, the last one that has
};

class Pool {
 public:
  Pool(const Plan& plan, const PoolOptions& options)
      : plan_(plan), options_(options), overview_(stdout, options.quiet), begun_(std::chrono::steady_clock::now()) {
    const auto numbers = lines_to_do(plan, options.runs);
    to_do_.assign(numbers.begin(), numbers.end());
    result_.was_done = plan.lines.size() - to_do_.size();
  }

  PoolResult run() {
    while (!to_do_.empty() || !workers_.empty()) {
      if (options_.interrupted() && !result_.interrupted) interrupt();
      while (!result_.interrupted && !to_do_.empty() && workers_.size() < options_.workers) start();
      if (workers_.empty()) break;
      show();
      wait();
    }
    return result_;
  }

 private:
  void start() {
    const PlanLine& line = plan_.lines[to_do_.front()];
    const std::vector<std::string> command = {options_.command, "sweep",
                                              "work",           plan_.path,
                                              "--index",        fmt::format("{}", line.number),
                                              "--out",          options_.runs,
                                              "--threads",      fmt::format("{}", options_.threads)};
    workers_.push_back({&line, Process(command), "", "starts"});
    to_do_.pop_front();
  }

  void interrupt() {
    result_.interrupted = true;
    to_do_.clear();
    overview_.line("interrupted: the running lines are saved");
    for (const Worker& worker : workers_) kill(worker.process.id(), SIGTERM);
  }

  void wait() {
    std::vector<pollfd> waited;
    for (const Worker& worker : workers_) waited.push_back({worker.process.output(), POLLIN, 0});
    poll(waited.data(), waited.size(), kMilliseconds);
    for (auto worker = workers_.begin(); worker != workers_.end();) {
      const bool open = worker->process.read(worker->unread);
      hear(*worker);
      if (!open) end(*worker);
      worker = open ? std::next(worker) : workers_.erase(worker);
    }
  }

  // Warnings are for the user, all else says how far it is.
  void hear(Worker& worker) {
    for (std::size_t end; (end = worker.unread.find('\n')) != std::string::npos; worker.unread.erase(0, end + 1)) {
      const std::string text = worker.unread.substr(0, end);
      if (text.starts_with("warning: ")) overview_.line(fmt::format("line {}: {}", worker.line->number, text));
      if (!text.empty()) worker.last = text;
    }
  }

  void end(Worker& worker) {
    const PlanLine& line = *worker.line;
    const int status = worker.process.wait();
    const bool cut_short = WIFSIGNALED(status) || WEXITSTATUS(status) == kWorkInterrupted;
    const LineReport report = report_on(line, options_.runs);
    const std::string name = fmt::format("line {}, {}, seed {}", line.number, line.variant, line.seed);
    if (report.state == LineState::done) {
      ++result_.done;
      overview_.line(fmt::format("{}: done ({} of {})", name, result_.was_done + result_.done, plan_.lines.size()));
    } else if (cut_short && result_.interrupted) {
      overview_.line(name + ": saved");
    } else if (cut_short && ++attempts_[line.number] < kMostAttempts) {
      overview_.line(
          fmt::format("{}: its process was ended by {}; another goes on with it", name, status_text(status)));
      to_do_.push_front(line.number);
    } else {
      fail(line, name, status, worker.last, report);
    }
  }

  void fail(const PlanLine& line, const std::string& name, int status, const std::string& said,
            const LineReport& report) {
    ++result_.failed;
    std::string message = report.message;
    if (WIFSIGNALED(status)) {
      message = fmt::format("{} processes in a row were ended, the last by {}", kMostAttempts, status_text(status));
      try {
        keep_failure(line, options_.runs, message);
      } catch (const Error& error) {
        message += fmt::format("; {}", error.what());
      }
    }
    if (message.empty()) message = fmt::format("{}: {}", status_text(status), said);
    while (message.ends_with('\n')) message.pop_back();
    overview_.line(fmt::format("{}: failed: {}", name, message));
  }

  void show() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun_;
    const std::size_t left = to_do_.size() + workers_.size();
    std::string state =
        fmt::format("{} of {} lines done, {} failed, {} running, {} wait", result_.was_done + result_.done,
                    plan_.lines.size(), result_.failed, workers_.size(), to_do_.size());
    if (result_.done > 0)
      state +=
          ", about " + duration_text(passed.count() / static_cast<double>(result_.done) * static_cast<double>(left));
    std::vector<std::string> lines = {state};
    for (const Worker& worker : workers_)
      lines.push_back(fmt::format("  line {}  {}", worker.line->number, worker.last));
    overview_.show(lines);
  }

  const Plan& plan_;
  const PoolOptions& options_;
  Overview overview_;
  std::chrono::steady_clock::time_point begun_;
  std::deque<std::uint64_t> to_do_;
  std::list<Worker> workers_;
  std::map<std::uint64_t, int> attempts_;  // of lines whose worker was killed
  PoolResult result_;
};

}  // namespace

PoolResult run_pool(const Plan& plan, const PoolOptions& options) { return Pool(plan, options).run(); }

}  // namespace eligo
