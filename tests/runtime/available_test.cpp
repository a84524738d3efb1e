// What memory there is, from the files of a machine with and without control groups.
#include "support/available.h"

#include "temporary.h"

namespace eligo::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class Available : public testing::Test {
 protected:
  void SetUp() override { folder.write("proc/meminfo", "MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:  4194304 kB\n"); }
  MemoryFacts facts() { return read_memory(folder / "proc", folder / "groups"); }
  TemporaryFolder folder;
};

TEST_F(Available, IsWhatIsAvailableNotWhatIsInstalled) {
  EXPECT_EQ(facts().total, 8192 * kMiB);
  EXPECT_EQ(facts().available, 4096 * kMiB);
}

TEST_F(Available, GroupsOfVersion2) {
  folder.write("proc/self/cgroup", "0::/user/job\n");
  folder.write("groups/user/job/memory.max", "1073741824\n");
  folder.write("groups/user/job/memory.current", "805306368\n");
  folder.write("groups/user/job/memory.stat", "anon 1\ninactive_file 268435456\n");
  EXPECT_EQ(facts().total, 1024 * kMiB);
  EXPECT_EQ(facts().available, 512 * kMiB);  // what is only cached is given back
  folder.write("groups/user/memory.max", "536870912\n");  // a limit of all jobs together
  folder.write("groups/user/memory.current", "536870913\n");
  EXPECT_EQ(facts().total, 512 * kMiB);
  EXPECT_EQ(facts().available, 0U);
  folder.write("groups/user/memory.max", "max\n");
  folder.write("groups/user/job/memory.max", "max\n");
  EXPECT_EQ(facts().available, 4096 * kMiB);
}

TEST_F(Available, GroupsOfVersion1) {
  // In a container the group's path is that outside, and its files lie at the root.
  folder.write("proc/self/cgroup", "5:cpu,cpuacct:/docker/12\n4:memory:/docker/12\n");
  folder.write("groups/memory/memory.limit_in_bytes", "2147483648\n");
  folder.write("groups/memory/memory.usage_in_bytes", "1073741824\n");
  folder.write("groups/memory/memory.stat", "inactive_file 5\ntotal_inactive_file 0\n");
  EXPECT_EQ(facts().total, 2048 * kMiB);
  EXPECT_EQ(facts().available, 1024 * kMiB);
  folder.write("groups/memory/memory.limit_in_bytes", "9223372036854771712\n");  // no limit
  EXPECT_EQ(facts().available, 4096 * kMiB);
}

TEST_F(Available, FilesThatAreNotThere) {
  const MemoryFacts none = read_memory(folder / "nothing", folder / "nothing");
  EXPECT_GT(none.total, 0U);
  EXPECT_EQ(none.available, none.total);
  EXPECT_GT(available_memory(), 0U);
  EXPECT_LE(available_memory(), machine_memory());
}

}  // namespace
}  // namespace eligo::test
