// Entries of the cache that this process is still compiling: who asks for one waits for it instead of compiling it,
// too.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "compiler/ir/phase_runner.h"

namespace eligo {

class ComingEntries {
 public:
  static ComingEntries& of_this_process();

  // `entry`: the folder and the key. An entry is there when all phases of its runner are.
  void add(const std::string& entry, const std::shared_ptr<compiler::PhaseRunner>& runner);
  // Until it is there, if it is coming at all.
  void wait_for(const std::string& entry);

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<compiler::PhaseRunner>> runners_;
};

}  // namespace eligo
