// What `eligo fmt --in-place` does to a file: its text changes and nothing else.
#include "support/text_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "temporary.h"

namespace eligo::test {
namespace {

namespace fs = std::filesystem;

std::string read(const std::string& path) { return read_text_file(path, 1 << 20); }

struct stat about(const std::string& path) {
  struct stat is{};
  EXPECT_EQ(::stat(path.c_str(), &is), 0);
  return is;
}

std::size_t count(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(TextFile, IsReadWithinItsLimit) {
  TemporaryFolder folder;
  const std::string path = folder.write("file", std::string(1000, 'x'));
  EXPECT_EQ(read_text_file(path, 1000).size(), 1000u);
  EXPECT_MENTIONS(error_of([&] { read_text_file(path, 999); }), "larger than 999 B");
  EXPECT_MENTIONS(error_of([&] { read_text_file("/dev/zero", 1 << 20); }), "larger than");
  EXPECT_MENTIONS(error_of([&] { read_text_file(folder.path(), 1000); }), "is a folder");
  EXPECT_MENTIONS(error_of([&] { read_text_file(folder / "none", 1000); }), "No such file");
  EXPECT_EQ(read_text_file(folder.write("empty", ""), 0), "");
}

TEST(TextFile, KeepsModesAndReplacesInOneStep) {
  TemporaryFolder folder;
  const std::string path = folder.write("file", "before");
  for (const mode_t mode : {0600, 0644, 0755, 0640, 0664}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const ino_t was = about(path).st_ino;
    rewrite_text_file(path, "after");
    EXPECT_EQ(about(path).st_mode & 07777, mode);
    EXPECT_NE(about(path).st_ino, was);  // another file by the same name: a reader has the old one or the new one
    EXPECT_EQ(read(path), "after");
  }
  EXPECT_EQ(count(folder.path()), 1u);
}

TEST(TextFile, KeepsSymbolicLinks) {
  TemporaryFolder folder;
  folder.write("deep/file", "before");
  fs::create_symlink("deep/file", folder / "link");
  fs::create_symlink("link", folder / "link_to_link");
  for (const char* name : {"link", "link_to_link"}) {
    rewrite_text_file(folder / name, std::string("after ") + name);
    EXPECT_TRUE(fs::is_symlink(folder / name));
    EXPECT_FALSE(fs::is_symlink(folder / "deep/file"));
    EXPECT_EQ(read(folder / "deep/file"), std::string("after ") + name);
  }
  EXPECT_EQ(fs::read_symlink(folder / "link"), "deep/file");
  fs::create_symlink("nowhere", folder / "dangling");
  EXPECT_MENTIONS(error_of([&] { rewrite_text_file(folder / "dangling", "x"); }), "No such file");
  EXPECT_FALSE(fs::exists(folder / "nowhere"));
}

TEST(TextFile, KeepsHardLinks) {
  TemporaryFolder folder;
  const std::string path = folder.write("file", "a longer text than the other");
  fs::create_hard_link(path, folder / "same");
  rewrite_text_file(path, "short");
  EXPECT_EQ(about(path).st_ino, about(folder / "same").st_ino);
  EXPECT_EQ(read(folder / "same"), "short");
  rewrite_text_file(folder / "same", "a longer text again");
  EXPECT_EQ(read(path), "a longer text again");
}

TEST(TextFile, KeepsOwners) {
  if (::geteuid() != 0) return;  // only root can give a file away
  TemporaryFolder folder;
  const std::string path = folder.write("file", "before");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12346), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  rewrite_text_file(path, "after");
  EXPECT_EQ(about(path).st_uid, 12345u);
  EXPECT_EQ(about(path).st_gid, 12346u);
  EXPECT_EQ(about(path).st_mode & 07777, 0640u);
}

TEST(TextFile, RefusesWhatIsNoPlainFile) {
  TemporaryFolder folder;
  EXPECT_NE(error_of([&] { rewrite_text_file(folder.path(), "x"); }), "");
  EXPECT_MENTIONS(error_of([&] { rewrite_text_file("/dev/null", "x"); }), "no plain file");
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_MENTIONS(error_of([&] { rewrite_text_file(pipe, "x"); }), "no plain file");
}

// Where the new text finds no room the old one stays, with one name and with two.
TEST(TextFile, ADiskThatIsFullLeavesTheOldText) {
  for (const bool linked : {false, true}) {
    TemporaryFolder folder;
    const std::string before(2000, 'b'), path = folder.write("file", before);
    if (linked) fs::create_hard_link(path, folder / "same");
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{5000, 5000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      const std::string said = error_of([&] { rewrite_text_file(path, std::string(9000, 'a')); });
      ::_exit(said.find("cannot be written: File too large") != std::string::npos ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(read(path), before);
    EXPECT_EQ(count(folder.path()), linked ? 2u : 1u);
  }
}

}  // namespace
}  // namespace eligo::test
