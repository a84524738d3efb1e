// The parts of a module compiled by threads, the first part first. Each thread takes the next part that nobody has
// begun. (The first part of the first module of a process is compiled before any thread begins.)
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compiler/llvm/jit.h"

namespace eligo::compiler {

class Work {
 public:
  // With all object files, in order, by the thread that compiled the last one; not where compiling failed. What it
  // throws is dropped.
  using Done = std::function<void(std::vector<std::string> objects)>;

  // Begins at once. Where something is to be done with all objects, the destructor waits until it is; otherwise it
  // leaves out what nobody has begun.
  Work(const loops::Module& module, const JitOptions& options, Done done = {});
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  const ModuleParts& parts() const { return parts_; }
  // A part's object file. Waits for it, and throws what went wrong.
  const std::string& object(std::size_t part);
  // Those of all, when they have been handed on.
  Objects finish();
  // Leaves out what nobody has begun, and waits for the rest.
  void stop();

 private:
  void compile(std::size_t most);  // parts
  void finished(std::size_t part, std::string object, const CodegenTimes& spent);
  void join();

  const ModuleParts parts_;
  const Done done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0, left_;  // parts: that nobody has begun; that are not finished
  bool handed_on_ = false;       // to `done_`, or there is none
  std::vector<std::string> objects_;
  std::vector<char> ready_;
  CodegenTimes times_;
  std::exception_ptr fault_;
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

}  // namespace eligo::compiler
