#include "support/available.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <vector>

namespace eligo {
namespace {

namespace fs = std::filesystem;

// Version 1 writes a number of about 2^63 where there is no limit, version 2 "max".
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::string text;
  std::ifstream(file) >> text;
  return number(text);
}

// The number behind a word at the beginning of a line: "MemAvailable:  23102 kB".
std::optional<std::uint64_t> entry_of(const fs::path& file, const std::string& word) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, value;
    if (fields >> name >> value && name == word) return number(value);
  }
  return std::nullopt;
}

// Names of the files of one version of control groups.
struct Names {
  const char *limit, *used, *reclaimable;
};
constexpr Names kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Names kVersion2 = {"memory.max", "memory.current", "inactive_file"};

// A group and those that it is in each have a limit.
void apply(const fs::path& root, const fs::path& group, const Names& names, MemoryFacts& facts) {
  for (fs::path at = group;; at = at.parent_path()) {
    const fs::path folder = root / at.relative_path();
    const auto limit = number_in(folder / names.limit);
    if (limit && *limit < kNoLimit) {
      facts.total = std::min(facts.total, *limit);
      const std::uint64_t used = number_in(folder / names.used).value_or(0);
      const std::uint64_t freed = entry_of(folder / "memory.stat", names.reclaimable).value_or(0);
      const std::uint64_t taken = used - std::min(used, freed);
      facts.available = std::min(facts.available, *limit - std::min(*limit, taken));
    }
    if (at.relative_path().empty()) return;
  }
}

}  // namespace

MemoryFacts read_memory(const std::string& proc, const std::string& control_groups) {
  MemoryFacts facts;
  const std::uint64_t installed =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
  const fs::path meminfo = fs::path(proc) / "meminfo";
  const auto total = entry_of(meminfo, "MemTotal:"), available = entry_of(meminfo, "MemAvailable:");
  facts.total = total ? *total * 1024 : installed;
  facts.available = available ? std::min(*available * 1024, facts.total) : facts.total;
  // "0::/user.slice" of version 2, "4:memory:/docker/1234" of version 1.
  std::ifstream groups(fs::path(proc) / "self" / "cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string kinds = "," + line.substr(first + 1, second - first - 1) + ",", group = line.substr(second + 1);
    if (kinds == ",,") apply(control_groups, group, kVersion2, facts);
    else if (kinds.find(",memory,") != std::string::npos)
      apply(fs::path(control_groups) / "memory", group, kVersion1, facts);
  }
  return facts;
}

std::uint64_t machine_memory() { return read_memory("/proc", "/sys/fs/cgroup").total; }

std::uint64_t available_memory() {
  std::uint64_t available = read_memory("/proc", "/sys/fs/cgroup").available;
  rlimit addresses{};
  if (getrlimit(RLIMIT_AS, &addresses) != 0 || addresses.rlim_cur == RLIM_INFINITY) return available;
  const std::uint64_t pages = number_in("/proc/self/statm").value_or(0);
  const std::uint64_t taken = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
  return std::min<std::uint64_t>(available, addresses.rlim_cur - std::min<std::uint64_t>(addresses.rlim_cur, taken));
}

}  // namespace eligo
