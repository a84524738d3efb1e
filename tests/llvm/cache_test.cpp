// The kernel cache believes nothing that it can't check.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "run.h"

namespace eligo::testing {
namespace {

namespace fs = std::filesystem;

class Cache : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / fmt::format("eligo_{}_{}", test->name(), ::getpid());
    fs::remove_all(folder_);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_);
  }

  static Module adds(double c) {
    return module({{"x", Element::real, 20}, {"y", Element::real, 20}},
                  {assign({{"i", 20}}, 1, at(1, {1}), load(at(0, {1})) + constant(c))});
  }

  // Compiles, runs, and says whether the code came from the cache.
  bool compile(double c, DType dtype = DType::f32, const std::string& target = "baseline") const {
    const Module m = adds(c);
    const auto kernels = compiler::jit(m, {dtype, compiler::Target::named(target), folder_.string()});
    std::vector<Contents> memory = {{std::vector<double>(20, 3), {}}, {std::vector<double>(20, 0), {}}};
    run_kernel(*kernels, m, dtype, memory, 0);
    EXPECT_EQ(memory[1].real, std::vector<double>(20, 3 + c));
    return kernels->from_cache;
  }

  std::vector<fs::path> entries() const {
    std::vector<fs::path> all;
    for (const auto& e : fs::directory_iterator(folder_)) all.push_back(e.path());
    return all;
  }
  static std::string read(const fs::path& p) {
    std::ifstream in(p, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  static void write(const fs::path& p, const std::string& bytes) {
    std::ofstream(p, std::ios::binary | std::ios::trunc) << bytes;
  }

  fs::path folder_;
};

TEST_F(Cache, SecondCompilationIsAHit) {
  EXPECT_FALSE(compile(1));
  EXPECT_TRUE(compile(1));
  EXPECT_EQ(entries().size(), 1u);
}

TEST_F(Cache, EverythingThatMattersIsInTheKey) {
  EXPECT_FALSE(compile(1));
  EXPECT_FALSE(compile(1.0000000000000002));
  EXPECT_FALSE(compile(1, DType::f64));
  for (const std::string& target : targets_here()) EXPECT_EQ(compile(1, DType::f32, target), target == "baseline");
  EXPECT_TRUE(compile(1));
}

TEST_F(Cache, DamagedEntriesAreRebuilt) {
  compile(1);
  const fs::path entry = entries().at(0);
  const std::string good = read(entry);
  std::vector<std::string> damaged = {
      "", "x", good.substr(0, good.size() / 2), good.substr(0, good.size() - 1), good + "x", good.substr(0, 90)};
  for (std::size_t at = 0; at < good.size(); at += 61) {
    damaged.push_back(good);
    damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ 0x10);
  }
  for (const std::string& bytes : damaged) {
    write(entry, bytes);
    EXPECT_FALSE(compile(1));
    EXPECT_TRUE(compile(1));
  }
}

TEST_F(Cache, AnEntryOfAnotherKeyIsNotBelieved) {
  compile(1);
  const fs::path first = entries().at(0);
  const std::string other = read(first);
  fs::remove(first);
  compile(2);
  write(entries().at(0), other);
  EXPECT_FALSE(compile(2));
}

TEST_F(Cache, AFolderThatCannotBeWrittenIsNoError) {
  write(folder_, "a file");
  EXPECT_FALSE(compile(1));
  EXPECT_FALSE(compile(1));
}

TEST_F(Cache, NoTemporaryFilesAreLeft) {
  compile(1);
  ASSERT_EQ(entries().size(), 1u);
  EXPECT_EQ(entries()[0].extension(), ".o");
}

TEST_F(Cache, ManyAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) compile(i);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(entries().size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(compile(i));
}

}  // namespace
}  // namespace eligo::testing
