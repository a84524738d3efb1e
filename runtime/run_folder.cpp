#include "runtime/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "dsl/names.h"
#include "runtime/checkpoint.h"
#include "runtime/session.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && fs::is_directory(path, error)) return;
  throw Error(fmt::format("{}: the folder cannot be made: {}; choose another with --out", path.string(),
                          error ? error.message() : "there is a file of this name"));
}

}  // namespace

std::string file_name(const std::string& name) {
  std::string out;
  for (const char c : dsl::ascii(name)) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    if (good) out += c;
    else if (!out.empty() && out.back() != '_') out += '_';
  }
  while (!out.empty() && (out.back() == '_' || out.back() == '.')) out.pop_back();
  while (!out.empty() && (out.front() == '_' || out.front() == '.')) out.erase(0, 1);
  return out.empty() ? "run" : out;
}

RunFolder RunFolder::create(const std::string& path) {
  std::error_code error;
  if (fs::exists(fs::path(path) / "experiment.toml", error)) {
    throw Error(
        fmt::format("{}: there is a run in this folder already; go on with `eligo run --resume {}`, or choose "
                    "another with --out",
                    path, path));
  }
  if (fs::is_directory(path, error) && !fs::is_empty(path, error)) {
    throw Error(fmt::format("{}: the folder is not empty; choose another with --out", path));
  }
  make_folder(path);
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    throw Error(
        fmt::format("{}: the folder cannot be written to; change its permissions or choose another with --out", path));
  }
  make_folder(fs::path(path) / "checkpoints");
  return RunFolder(path);
}

RunFolder RunFolder::create_fresh(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  const std::string base = fmt::format("runs/{}-{:%Y%m%d-%H%M%S}", file_name(name), fmt::localtime(now));
  std::string path = base;
  std::error_code error;
  for (int i = 2; fs::exists(path, error); ++i) path = fmt::format("{}-{}", base, i);
  return create(path);
}

RunFolder RunFolder::open(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(fs::path(path) / "experiment.toml", error)) {
    throw Error(fmt::format(
        "{}: not the folder of a run (it has no experiment.toml); give the one that `eligo run` named", path));
  }
  make_folder(fs::path(path) / "checkpoints");
  return RunFolder(path);
}

std::string RunFolder::checkpoint(const std::string& variant, std::size_t index, std::uint64_t seed,
                                  const std::string& what) const {
  return fmt::format("{}/checkpoints/{}-{}-seed{}-{}.npz", path_, index + 1, file_name(variant), seed, what);
}

void RunFolder::keep_rules(const std::vector<std::string>& files) const {
  const fs::path folder = fs::path(path_) / "rules";
  make_folder(folder);
  for (const auto& file : files) {
    const fs::path kind = fs::path(file).parent_path().filename();
    const fs::path target = folder / (kind == "rules" || kind.empty() ? fs::path() : kind);
    make_folder(target);
    write_file_atomically((target / fs::path(file).filename()).string(), read_file(file));
  }
}

}  // namespace eligo
