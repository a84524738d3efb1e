#include "compiler/llvm/work.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <system_error>

namespace eligo::compiler {
namespace {

// A process may end, by exit(), while threads compile: LLVM's own data goes then, so they are stopped before. What exit()
// does comes in the opposite order of its registration, and LLVM registers its data when it first needs them: the stop is
// registered once a first part is compiled, and again after parts that may have needed more.
class Running {
 public:
  static Running& all() {
    static Running& running = *new Running;  // it outlives what any other file keeps until the end
    return running;
  }
  // Runs once in a process, before any thread compiles.
  void first(const std::function<void()>& compile) {
    std::call_once(first_, [&] {
      compile();
      stop_at_exit();
    });
  }
  void compiled_more() {
    constexpr int enough = 64;
    if (++compiled_ < enough) stop_at_exit();
  }
  void add(Work* work) {
    const std::lock_guard lock(mutex_);
    works_.insert(work);
  }
  void remove(Work* work) {
    const std::lock_guard lock(mutex_);
    works_.erase(work);
  }

 private:
  static void stop_at_exit() {
    std::atexit([] {
      const std::lock_guard lock(all().mutex_);
      for (Work* work : all().works_) work->stop();
    });
  }

  std::once_flag first_;
  std::atomic<int> compiled_ = 0;
  std::mutex mutex_;
  std::set<Work*> works_;
};

}  // namespace

Work::Work(const loops::Module& module, const JitOptions& options, Done done)
    : parts_(module, options), done_(std::move(done)), left_(parts_.parts.size()), objects_(left_), ready_(left_, 0) {
  Running::all().add(this);
  Running::all().first([this] { compile(1); });
  const auto threads = std::min<std::size_t>(static_cast<std::size_t>(std::max(1, options.threads)), left_);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { compile(ready_.size()); });
  } catch (const std::system_error&) {  // there are no more threads: those that there are do the work
    if (threads_.empty()) compile(ready_.size());
  }
}

Work::~Work() {
  if (done_) join();
  else stop();
  Running::all().remove(this);
}

void Work::compile(std::size_t most) {
  try {
    PartCompiler compiler(parts_);
    for (std::size_t done = 0; done < most; ++done) {
      std::size_t part = 0;
      {
        const std::lock_guard lock(mutex_);
        if (next_ == ready_.size()) return;
        part = next_++;
      }
      CodegenTimes spent;
      std::string object = compiler.compile(part, spent);
      Running::all().compiled_more();
      finished(part, std::move(object), spent);
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!fault_) fault_ = std::current_exception();
    next_ = ready_.size();
    changed_.notify_all();
  }
}

void Work::finished(std::size_t part, std::string object, const CodegenTimes& spent) {
  std::unique_lock lock(mutex_);
  objects_[part] = std::move(object);
  ready_[part] = 1;
  times_.emit += spent.emit;
  times_.optimise += spent.optimise;
  times_.generate += spent.generate;
  const bool last = --left_ == 0;
  changed_.notify_all();
  if (!last) return;
  lock.unlock();
  try {
    if (done_) done_(objects_);  // nobody changes them any more
  } catch (...) {
    // nobody asks
  }
  lock.lock();
  handed_on_ = true;
  changed_.notify_all();
}

const std::string& Work::object(std::size_t part) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return fault_ || ready_[part]; });
  if (!ready_[part]) std::rethrow_exception(fault_);
  return objects_[part];  // it stays as it is
}

Objects Work::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return fault_ || handed_on_; });
  if (fault_) std::rethrow_exception(fault_);
  return {objects_, times_};
}

void Work::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (left_ > 0 && !fault_ && next_ < ready_.size())
      fault_ = std::make_exception_ptr(std::runtime_error("the program was given up before it was compiled"));
    next_ = ready_.size();
    changed_.notify_all();
  }
  join();
}

void Work::join() {
  const std::lock_guard lock(joining_);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace eligo::compiler
