// How much memory there is, for this process.
#pragma once

#include <cstdint>
#include <string>

namespace eligo {

// Bytes of memory that this machine has, or that the process's control groups allow, whichever is less. Stays the same
// while others work, so what is decided by it is decided alike every time.
std::uint64_t machine_memory();

// Bytes that this process may still take: what the machine has available, what its control groups leave, and its own
// limit of addresses.
std::uint64_t available_memory();

// For tests: the same from other places than /proc and /sys/fs/cgroup.
struct MemoryFacts {
  std::uint64_t total = 0, available = 0;
};
MemoryFacts read_memory(const std::string& proc, const std::string& control_groups);

}  // namespace eligo
