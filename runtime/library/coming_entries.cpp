#include "runtime/library/coming_entries.h"

#include <exception>

namespace eligo {

ComingEntries& ComingEntries::of_this_process() {
  static ComingEntries entries;
  return entries;
}

void ComingEntries::add(const std::string& entry, const std::shared_ptr<compiler::PhaseRunner>& runner) {
  const std::lock_guard lock(mutex_);
  std::erase_if(runners_, [](const auto& each) { return each.second.expired(); });
  runners_[entry] = runner;
}

void ComingEntries::wait_for(const std::string& entry) {
  std::shared_ptr<compiler::PhaseRunner> runner;
  {
    const std::lock_guard lock(mutex_);
    const auto found = runners_.find(entry);
    if (found == runners_.end()) return;
    runner = found->second.lock();
    runners_.erase(found);
  }
  try {
    if (runner) runner->wait_for_all();
  } catch (const std::exception&) {
    // what went wrong is said by who compiles it next
  }
}

}  // namespace eligo
