// Compiled programs that are kept: nothing is believed that can't be checked, and what is believed does the same.
#include "runtime/library/cache.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "compiler/driver/compile.h"
#include "compiler/driver/fingerprint.h"
#include "runtime/engine/program.h"
#include "runtime/gradients/random_case.h"
#include "runtime/library/compile.h"
#include "runtime/library/compile_key.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "support/available.h"
#include "temporary.h"

namespace eligo::test {
namespace {

namespace fs = std::filesystem;

const char* const kRule =
    "rule small(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n"
    "  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n}\n";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<fs::path> files(const std::string& folder) {
  std::vector<fs::path> all;
  for (const auto& e : fs::directory_iterator(folder)) all.push_back(e.path());
  return all;
}

class KeptPrograms : public ::testing::Test {
 protected:
  KeptPrograms() {
    rules_.write("small.eli", kRule);
    spec_.rule = "small";
    spec_.cell = "rnn_tanh";
    spec_.readout = "linear_mse";
    spec_.sizes = {{"n", 3}, {"m", 2}, {"k", 2}};
    spec_.cpu = "baseline";
    spec_.rule_paths = {rules_.path()};
    spec_.cache = folder_.path();
  }
  static bool hit(const ProgramSpec& spec) { return compile(spec)->from_cache; }

  TemporaryFolder rules_, folder_;
  ProgramSpec spec_;
};

TEST_F(KeptPrograms, SecondCompilationIsAHit) {
  EXPECT_FALSE(hit(spec_));
  EXPECT_TRUE(hit(spec_));
  ASSERT_EQ(files(folder_.path()).size(), 1u);
  EXPECT_EQ(files(folder_.path())[0].extension(), ".eligo");
}

TEST_F(KeptPrograms, EverythingThatMattersIsInTheKey) {
  EXPECT_FALSE(hit(spec_));
  std::vector<ProgramSpec> others(9, spec_);
  others[0].sizes["n"] = 4;
  others[1].float64 = true;
  others[2].optimiser = "adam";
  others[3].update = Update::step;
  others[4].show = {"net.h"};
  others[5].batch_hint = 1;
  others[6].readout = "linear_softmax";
  others[7].cell = "rnn_linear";
  others[8].optimiser = "";
  for (const ProgramSpec& other : others) {
    EXPECT_FALSE(hit(other));
    EXPECT_TRUE(hit(other));
  }
  EXPECT_TRUE(hit(spec_));
  rules_.write("small.eli", std::string("# another comment\n") + kRule);
  EXPECT_FALSE(hit(spec_));
  rules_.write("small.eli", kRule);
  EXPECT_TRUE(hit(spec_));
  spec_.cpu = "native";
  EXPECT_FALSE(hit(spec_));
}

// Schedules are chosen by what fits into memory: where none is given, into the machine's.
// A program that another version of any of the compiler's folders compiled is not found.
TEST_F(KeptPrograms, SourcesOfEachFolderAreInTheKey) {
  EXPECT_FALSE(hit(spec_));
  const Cache cache(folder_.path());
  const std::string version = compiler::code_version({.cpu = spec_.cpu, .batch = spec_.batch_hint});
  const auto now = compiler::fingerprints();
  ASSERT_TRUE(cache.load(spec_.rule, program_key(spec_, version)));
  std::set<std::string> folders;
  for (std::size_t i = 0; i < now.size(); ++i) {
    std::vector<compiler::Fingerprint> other(now.begin(), now.end());
    other[i].digest = "of a later version";
    EXPECT_FALSE(cache.load(spec_.rule, program_key(spec_, version, other))) << now[i].folder;
    folders.insert(now[i].folder);
  }
  for (const char* folder : {"support", "compiler/operations", "dsl", "compiler/ir", "compiler/frontend", "compiler/autodiff",
                             "compiler/passes", "compiler/schedule", "compiler/memory", "compiler/timetable", "compiler/loops",
                             "compiler/codegen", "compiler/lower", "compiler/llvm", "compiler/driver",
                             "runtime/engine", "runtime/library"})
    EXPECT_TRUE(folders.contains(folder)) << folder;
}

TEST_F(KeptPrograms, TheMachinesMemoryIsInTheKey) {
  EXPECT_FALSE(hit(spec_));
  spec_.memory = machine_memory();
  EXPECT_TRUE(hit(spec_));
  spec_.memory /= 2;
  EXPECT_FALSE(hit(spec_));
}

TEST_F(KeptPrograms, WhereTheTextsLieDoesNotMatter) {
  EXPECT_FALSE(hit(spec_));
  TemporaryFolder elsewhere;
  elsewhere.write("deep/small.eli", kRule);
  spec_.rule_paths = {elsewhere.path()};
  EXPECT_TRUE(hit(spec_));
}

TEST_F(KeptPrograms, ErrorsAreTheSameWithAndWithout) {
  const auto message = [&] { return error_of([&] { compile(spec_); }); };
  spec_.cell = "no_such_cell";
  EXPECT_MENTIONS(message(), "there is no cell no_such_cell");
  spec_.cell = "rnn_tanh";
  spec_.cpu = "no_such_cpu";
  EXPECT_MENTIONS(message(), "no_such_cpu");
  spec_.cpu = "baseline";
  spec_.synth = "no_such_synth";  // the rule has no role for it
  EXPECT_EQ(message(), "");
}

TEST_F(KeptPrograms, DamagedEntriesAreRebuilt) {
  compile(spec_);
  const fs::path entry = files(folder_.path()).at(0);
  const std::string good = read(entry);
  std::vector<std::string> damaged = {"", "x", good.substr(0, good.size() / 2), good.substr(0, good.size() - 1),
                                      good + "x"};
  damaged.push_back(good);
  damaged.back()[good.size() / 2] ^= 0x10;
  for (const std::string& bytes : damaged) {
    write(entry, bytes);
    EXPECT_FALSE(hit(spec_));
    EXPECT_TRUE(hit(spec_));
  }
}

// Sound by its checksum, and yet nothing that this program can use.
TEST_F(KeptPrograms, WhatDoesNotLoadIsRebuilt) {
  compile(spec_);
  const fs::path entry = files(folder_.path()).at(0);
  const std::string good = read(entry);
  const auto key_at = good.find("rule", 40);
  ASSERT_NE(key_at, std::string::npos);
  std::uint64_t key_length = 0;
  std::memcpy(&key_length, good.data() + 16, sizeof key_length);
  const std::string key = good.substr(40, key_length), contents = good.substr(40 + key_length);
  const Cache cache(folder_.path());
  for (const std::string& bytes : {std::string(), std::string("nonsense"), contents.substr(0, contents.size() / 3),
                                   contents.substr(0, contents.size() - 200), contents + contents}) {
    cache.store("small", key, bytes);
    ASSERT_EQ(files(folder_.path()).size(), 1u);
    EXPECT_FALSE(hit(spec_));
    EXPECT_TRUE(hit(spec_));
  }
}

TEST_F(KeptPrograms, AFolderThatCannotBeWrittenIsNoError) {
  spec_.cache = rules_.write("a_file", "text");
  EXPECT_FALSE(hit(spec_));
  EXPECT_FALSE(hit(spec_));
  spec_.cache = "/dev/full";
  EXPECT_FALSE(hit(spec_));
  if (::geteuid() == 0) return;  // root may write anywhere
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
  spec_.cache = folder_.path();
  EXPECT_FALSE(hit(spec_));
  EXPECT_FALSE(hit(spec_));
  EXPECT_TRUE(files(folder_.path()).empty());
}

TEST_F(KeptPrograms, ThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      ProgramSpec own = spec_;
      for (int i = 0; i < 4; ++i) {
        own.sizes["n"] = 1 + (t + i) % 4;
        compile(own);
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(files(folder_.path()).size(), 4u);
  for (int n = 1; n <= 4; ++n) {
    spec_.sizes["n"] = n;
    EXPECT_TRUE(hit(spec_));
  }
}

TEST_F(KeptPrograms, ProcessesAtOnce) {
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool good = true;
      try {
        for (int n = 1; n <= 3; ++n) {
          spec_.sizes["n"] = n;
          good = good && compile(spec_)->plan != nullptr && hit(spec_);
        }
      } catch (...) {
        good = false;
      }
      ::_exit(good ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(files(folder_.path()).size(), 3u);
}

// One run, learning and not, of all that a session can say.
std::vector<double> outcome(const ProgramSpec& spec, bool from_cache) {
  const auto program = compile(spec);
  EXPECT_EQ(program->from_cache, from_cache);
  std::int64_t inputs = 0, targets = 0;
  for (int i : program->plan->inputs) inputs += program->plan->tensors[i].size();
  for (int i : program->plan->targets) targets += program->plan->tensors[i].size();
  Session session(program, {.batch = 3, .steps = 5, .seed = 4});
  const Batch batch = draw_batch(5, 3, inputs, targets, 7);
  std::vector<double> all;
  for (const bool learn : {true, false, true}) all.push_back(session.run(batch, learn).loss);
  for (const auto& [name, values] : session.state()) all.insert(all.end(), values.begin(), values.end());
  for (const TensorInfo& info : session.tensors())
    if (!info.bundle.empty())
      for (const double x : session.gathered(info.name)) all.push_back(x);
  return all;
}

class KeptRule : public ::testing::TestWithParam<std::string> {};

TEST_P(KeptRule, DoesTheSame) {
  TemporaryFolder folder;
  ProgramSpec spec;
  spec.rule = GetParam();
  spec = fitting(spec, {});
  spec.cache = folder.path();
  const std::vector<double> first = outcome(spec, false), again = outcome(spec, true);
  ASSERT_EQ(first.size(), again.size());
  EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size() * sizeof(double)), 0);
}

std::vector<std::string> library_rules() {
  std::vector<std::string> names;
  for (const Item& item : list_items({}))
    if (item.kind == "rule" && item.path.find("tour") == std::string::npos) names.push_back(item.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Library, KeptRule, ::testing::ValuesIn(library_rules()),
                         [](const auto& rule) { return rule.param; });

TEST(Cache, BelievesNoChangedByte) {
  TemporaryFolder folder;
  const Cache cache(folder.path());
  const std::string key(1000, 'k'), contents(3000, 'c');
  cache.store("name", key, contents);
  EXPECT_EQ(cache.load("name", key), contents);
  const fs::path entry = files(folder.path()).at(0);
  const std::string good = read(entry);
  for (std::size_t at = 0; at < good.size(); at += 17) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    write(entry, bad);
    ASSERT_FALSE(cache.load("name", key)) << at;
  }
  for (std::size_t size = 0; size < good.size(); size += 97) {
    write(entry, good.substr(0, size));
    ASSERT_FALSE(cache.load("name", key)) << size;
  }
}

// Two keys of one place in the folder: the file's name is only a short digest of the key.
TEST(Cache, AnEntryOfAnotherKeyIsNotBelieved) {
  TemporaryFolder folder;
  const Cache cache(folder.path());
  cache.store("name", "one", "1");
  const fs::path first = files(folder.path()).at(0);
  const std::string bytes = read(first);
  fs::remove(first);
  cache.store("name", "two", "2");
  write(files(folder.path()).at(0), bytes);
  EXPECT_FALSE(cache.load("name", "two"));
}

TEST(Cache, TheOldestGoWhenItIsFull) {
  TemporaryFolder folder;
  const Cache cache(folder.path(), 10'500);
  const std::string contents(3000, 'c');
  const auto now = fs::file_time_type::clock::now();
  for (const int k : {0, 1, 2}) {
    cache.store(std::to_string(k), "key", contents);
    for (const fs::path& path : files(folder.path()))
      if (path.filename().string()[0] == '0' + k) fs::last_write_time(path, now - std::chrono::minutes(10 - k));
  }
  EXPECT_TRUE(cache.load("0", "key"));  // used just now
  cache.store("3", "key", contents);
  EXPECT_TRUE(cache.load("0", "key"));
  EXPECT_FALSE(cache.load("1", "key"));
  EXPECT_TRUE(cache.load("2", "key"));
  EXPECT_TRUE(cache.load("3", "key"));
}

TEST(Cache, WhatADeadWriterLeftGoesInTime) {
  TemporaryFolder folder;
  const Cache cache(folder.path());
  const fs::path old = folder.write("x-1.eligo.1.0.part", "half"), young = folder.write("x-2.eligo.2.0.part", "half"),
                 other = folder.write("letter.part", "not ours");
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  fs::last_write_time(old, long_ago);
  fs::last_write_time(other, long_ago);
  cache.store("name", "key", "contents");
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_EQ(cache.clear().entries, 1u);
  EXPECT_FALSE(fs::exists(young));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_EQ(cache.size().bytes, 0u);
}

fs::path stored_entry(const TemporaryFolder& folder) {
  Cache(folder.path()).store("name", "key", "contents");
  return files(folder.path()).at(0);
}

fs::perms mode(const fs::path& path) { return fs::status(path).permissions(); }

TEST(Cache, FoldersAndEntriesAreTheUsersAlone) {
  TemporaryFolder folder;
  const Cache cache(folder / "a/b/c");
  cache.store("name", "key", "contents");
  EXPECT_EQ(cache.load("name", "key"), "contents");
  for (const char* made : {"a", "a/b", "a/b/c"}) EXPECT_EQ(mode(folder / made), fs::perms::owner_all) << made;
  EXPECT_EQ(mode(files(folder / "a/b/c").at(0)), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(cache.fault(), "");
}

TEST(Cache, AFolderThatOthersMayWriteIsNotUsed) {
  for (const fs::perms others : {fs::perms::group_write, fs::perms::others_write}) {
    TemporaryFolder folder;
    const fs::path entry = stored_entry(folder);
    const Cache cache(folder.path());
    fs::permissions(folder.path(), others, fs::perm_options::add);
    EXPECT_FALSE(cache.load("name", "key"));
    EXPECT_MENTIONS(cache.fault(), "others may write");
    cache.store("other", "key", "contents");
    EXPECT_EQ(cache.clear().entries, 0u);
    EXPECT_EQ(files(folder.path()), std::vector{entry});
    fs::permissions(folder.path(), fs::perms::owner_all);
    EXPECT_TRUE(cache.load("name", "key"));
  }
}

TEST(Cache, AnEntryThatOthersMayWriteIsNotBelieved) {
  for (const fs::perms others : {fs::perms::group_write, fs::perms::others_write}) {
    TemporaryFolder folder;
    const fs::path entry = stored_entry(folder);
    fs::permissions(entry, others, fs::perm_options::add);
    EXPECT_FALSE(Cache(folder.path()).load("name", "key"));
    stored_entry(folder);  // replaced, not written into
    EXPECT_TRUE(Cache(folder.path()).load("name", "key"));
    EXPECT_EQ(mode(entry) & others, fs::perms::none);
  }
}

TEST(Cache, WhatOthersOwnIsNotBelieved) {
  EXPECT_MENTIONS(Cache("/proc/1/task").fault() + Cache("/usr").fault() + (::geteuid() == 0 ? "it belongs" : ""), "it belongs");
  if (::geteuid() != 0) return;  // only root can give a file away
  TemporaryFolder folder;
  const fs::path entry = stored_entry(folder);
  ASSERT_EQ(::chown(entry.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(Cache(folder.path()).load("name", "key"));
  ASSERT_EQ(::chown(entry.c_str(), 0, 0), 0);
  EXPECT_TRUE(Cache(folder.path()).load("name", "key"));
  ASSERT_EQ(::chown(folder.path().c_str(), 12345, 12345), 0);
  EXPECT_FALSE(Cache(folder.path()).load("name", "key"));
  EXPECT_MENTIONS(Cache(folder.path()).fault(), "another user");
  ASSERT_EQ(::chown(folder.path().c_str(), 0, 0), 0);
}

TEST(Cache, LinksAreNotFollowed) {
  TemporaryFolder folder, elsewhere;
  const fs::path entry = stored_entry(folder);
  const std::string good = read(entry);
  const std::string link = elsewhere / "cache";
  fs::create_directory_symlink(folder.path(), link);
  for (const std::string& spelled : {link, link + "/", link + "/.", link + "//"}) {
    EXPECT_FALSE(Cache(spelled).load("name", "key")) << spelled;
    EXPECT_MENTIONS(Cache(spelled).fault(), "symbolic link");
  }
  fs::rename(entry, elsewhere / "moved");
  fs::create_symlink(elsewhere / "moved", entry);
  EXPECT_FALSE(Cache(folder.path()).load("name", "key"));
  stored_entry(folder);  // takes the link's place
  EXPECT_FALSE(fs::is_symlink(entry));
  EXPECT_TRUE(Cache(folder.path()).load("name", "key"));
  EXPECT_EQ(read(elsewhere / "moved"), good);
}

// A pipe would be waited for, a device read without end, a folder is neither.
TEST(Cache, OnlyPlainFilesAreRead) {
  TemporaryFolder folder;
  const fs::path entry = stored_entry(folder);
  const Cache cache(folder.path());
  fs::remove(entry);
  ASSERT_EQ(::mkfifo(entry.c_str(), 0600), 0);
  EXPECT_FALSE(cache.load("name", "key"));
  fs::remove(entry);
  fs::create_directory(entry);
  EXPECT_FALSE(cache.load("name", "key"));
  cache.store("name", "key", "contents");  // cannot take the folder's place
  EXPECT_FALSE(cache.load("name", "key"));
  EXPECT_EQ(files(folder.path()).size(), 1u);
  fs::remove(entry);
  cache.store("name", "key", "contents");
  EXPECT_TRUE(cache.load("name", "key"));
}

// Its size says what is read, not what a header promises: 2^62 bytes are not asked for.
TEST(Cache, LengthsAreCheckedBeforeTheyAreBelieved) {
  TemporaryFolder folder;
  const fs::path entry = stored_entry(folder);
  const Cache cache(folder.path());
  const std::string good = read(entry);
  for (const std::size_t field : {16, 24}) {
    for (const std::uint64_t length : {std::uint64_t{1} << 62, ~std::uint64_t{0}, std::uint64_t{0} - 40, std::uint64_t{4}}) {
      std::string bad = good;
      std::memcpy(bad.data() + field, &length, sizeof length);
      write(entry, bad);
      EXPECT_FALSE(cache.load("name", "key")) << field << " " << length;
    }
  }
  fs::resize_file(entry, std::uintmax_t{1} << 40);  // a hole: larger than a cache may be
  EXPECT_FALSE(cache.load("name", "key"));
  write(entry, good);
  EXPECT_TRUE(cache.load("name", "key"));
}

}  // namespace
}  // namespace eligo::test
