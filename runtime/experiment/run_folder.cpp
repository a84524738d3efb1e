#include "runtime/experiment/run_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "dsl/names.h"
#include "runtime/experiment/alignment.h"
#include "runtime/experiment/experiment.h"
#include "runtime/library/library.h"
#include "support/descriptor.h"
#include "support/error.h"
#include "support/files.h"
#include "support/random.h"
#include "support/text_file.h"

namespace eligo {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_name = 100;  // of a part of a file's name, which may have 255 bytes in all
constexpr const char *kLock = "run.lock", *kRules = "rules", *kCheckpoints = "checkpoints";

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && fs::is_directory(path, error)) return;
  throw Error(fmt::format("{}: the folder cannot be made: {}; choose another with --out", path.string(),
                          error ? error.message() : "there is a file of this name"));
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Has a lock, but no experiment yet, and nothing that is not of a set-up.
bool is_unfinished(const fs::path& folder) {
  if (!is_there(folder / kLock) || is_there(folder / "experiment.toml")) return false;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), none; !error && it != none; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name != kLock && name != kRules && name != kCheckpoints && !name.starts_with("experiment.toml.tmp"))
      return false;
  }
  return !error;
}

void remove_set_up(const fs::path& folder) {
  std::error_code error;
  fs::remove(folder / "experiment.toml", error);
  fs::remove_all(folder / kRules, error);
  fs::remove_all(folder / kCheckpoints, error);
  remove_temporary_files(folder.string());
}

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "an unnamed host";
}

}  // namespace

// --- one writer -----------------------------------------------------------------------------------------------------

// Held until the process ends, however it does. The folder itself is locked beside the file, so that removing the file
// lets nobody in; not every file system locks folders, so the file's lock is the one that must be had.
class RunFolder::Lock {
 public:
  explicit Lock(const std::string& folder)
      : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        file_(::open((folder + "/" + kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666)) {
    const int fault = errno;
    const std::string path = folder + "/" + kLock;
    if (file_.number() < 0 && fault == ELOOP) throw Error(fmt::format("{}: is a symbolic link; remove it", path));
    if (file_.number() < 0) {
      throw Error(fmt::format("{}: the folder cannot be written to: {}; change its permissions or choose another with "
                              "--out",
                              folder, std::strerror(fault)));
    }
    struct stat is{};
    if (fstat(file_.number(), &is) != 0 || !S_ISREG(is.st_mode)) throw Error(fmt::format("{}: is no plain file; remove it", path));
    if (folder_.number() >= 0 && flock(folder_.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) refuse(folder);
    if (flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) refuse(folder);
      throw Error(fmt::format("{}: cannot be locked: {}", path, std::strerror(errno)));
    }
    say(fmt::format("process {} on {}, since {:%Y-%m-%d %H:%M:%S}", getpid(), host(),
                    fmt::localtime(std::time(nullptr))));
  }
  ~Lock() { say(""); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  [[noreturn]] void refuse(const std::string& folder) const {
    const std::string writer = text();
    throw RunFolderBusy(fmt::format("{}: another process writes to this run folder: {}; wait until it ends, or end it",
                                    folder, writer.empty() ? "one that run.lock does not name" : writer));
  }
  std::string text() const {
    std::array<char, 512> bytes{};
    const ssize_t got = pread(file_.number(), bytes.data(), bytes.size(), 0);
    return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
  }
  // For others to read; the lock does not depend on it, so a full disk is no fault.
  void say(const std::string& who) const {
    if (ftruncate(file_.number(), 0) != 0) return;
    [[maybe_unused]] const ssize_t wrote = pwrite(file_.number(), who.data(), who.size(), 0);
  }
  Descriptor folder_, file_;
};

// --- making and opening ---------------------------------------------------------------------------------------------

std::string file_name(const std::string& name) {
  std::string out;
  for (const char c : dsl::ascii(name)) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    if (good) out += c;
    else if (!out.empty() && out.back() != '_') out += '_';
  }
  out = out.substr(0, longest_name);
  while (!out.empty() && (out.back() == '_' || out.back() == '.')) out.pop_back();
  while (!out.empty() && (out.front() == '_' || out.front() == '.')) out.erase(0, 1);
  return out.empty() ? "run" : out;
}

RunFolder RunFolder::create(const std::string& path, bool is_new) {
  const auto check = [&] {
    if (!is_there(fs::path(path) / "experiment.toml")) return;
    throw Error(
        fmt::format("{}: there is a run in this folder already; go on with `eligo run --resume {}`, or choose "
                    "another with --out",
                    path, path));
  };
  check();
  std::error_code error;
  if (fs::is_directory(path, error) && !fs::is_empty(path, error) && !is_unfinished(path)) {
    throw Error(fmt::format("{}: the folder is not empty; choose another with --out", path));
  }
  RunFolder folder(path);
  folder.made_ = is_new || !is_there(path);
  make_folder(path);
  folder.lock_ = std::make_shared<const Lock>(path);
  check();  // another process may have been faster
  remove_set_up(path);
  make_folder(fs::path(path) / kCheckpoints);
  return folder;
}

RunFolder RunFolder::create(const std::string& path) { return create(path, false); }

RunFolder RunFolder::create_fresh(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  const std::string base = fmt::format("runs/{}-{:%Y%m%d-%H%M%S}", file_name(name), fmt::localtime(now));
  make_folder("runs");
  std::string path = base;
  std::error_code error;
  for (int i = 2; !fs::create_directory(path, error) && !error; ++i) path = fmt::format("{}-{}", base, i);
  if (error) throw Error(fmt::format("{}: the folder cannot be made: {}; choose another with --out", path, error.message()));
  return create(path, true);
}

RunFolder RunFolder::read(const std::string& path) {
  std::error_code error;
  const fs::path description = fs::path(path) / "experiment.toml";
  if (fs::exists(description, error) && !fs::is_regular_file(description, error))
    throw Error(fmt::format("{}: is no plain file", description.string()));
  if (!fs::is_regular_file(description, error)) {
    throw Error(fmt::format("{}: not the folder of a run (it has no experiment.toml); give the one that `eligo run` "
                            "named{}",
                            path, is_unfinished(path) ? ". Its set-up was cut short: begin again with --out" : ""));
  }
  return RunFolder(path);
}

RunFolder RunFolder::open(const std::string& path) {
  RunFolder folder = read(path);
  folder.lock_ = std::make_shared<const Lock>(path);
  make_folder(fs::path(path) / kCheckpoints);
  remove_temporary_files(path);
  remove_temporary_files((fs::path(path) / kCheckpoints).string());
  return folder;
}

std::uint64_t RunFolder::content() const {
  if (content_) return *content_;
  std::uint64_t hash = purpose_hash(read_file(experiment()));
  std::vector<fs::path> copies;
  std::error_code error;
  for (fs::recursive_directory_iterator it(fs::path(path_) / kRules, error), none; !error && it != none; it.increment(error))
    if (it->path().extension() == ".eli") copies.push_back(it->path());
  std::sort(copies.begin(), copies.end());
  for (const fs::path& copy : copies)
    hash = purpose_hash(fmt::format("{:x} {} {}", hash, fs::relative(copy, path_, error).string(), read_file(copy.string())));
  return *(content_ = hash);
}

std::uint64_t RunFolder::identity(const std::string& variant) const {
  return purpose_hash(fmt::format("{:x} {}", content(), variant)) >> 12;  // a double holds it
}

std::string RunFolder::events(const std::string& variant, std::size_t index, std::uint64_t seed) const {
  return fmt::format("{}/tensorboard/{}-{}-seed{}", path_, index + 1, file_name(variant), seed);
}

std::string RunFolder::writer() const {
  std::error_code error;
  const std::string path = path_ + "/" + kLock;
  if (!fs::is_regular_file(path, error)) return "";
  const std::string text = read_plain_file(path, 4096);
  long process = 0;
  // Of another machine there is no telling whether it still runs.
  const bool here = text.find(fmt::format(" on {}, since", host())) != std::string::npos;
  if (here && std::sscanf(text.c_str(), "process %ld", &process) == 1 && process > 0 &&
      kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH)
    return "";  // it was killed
  return text;
}

std::string RunFolder::checkpoint(const std::string& variant, std::size_t index, std::uint64_t seed,
                                  const std::string& what) const {
  return fmt::format("{}/{}/{}-{}-seed{}-{}.npz", path_, kCheckpoints, index + 1, file_name(variant), seed, what);
}

// --- what a run needs -----------------------------------------------------------------------------------------------

namespace {

// Copies rule files, each once, under names that differ.
class Copies {
 public:
  explicit Copies(fs::path folder) : folder_(std::move(folder)) { make_folder(folder_); }

  // Where the copy of a part's file lies, relative to the folder.
  std::string add(const Found& found, const std::string& kind) {
    const auto known = places_.find(found.path);
    if (known != places_.end()) return known->second;
    const fs::path below = kind == "rule" ? "" : kind + "s";
    const std::string stem = file_name(fs::path(found.path).stem().string());
    fs::path place = below / (stem + ".eli");
    for (int i = 2; !taken_.insert(place.string()).second; ++i) place = below / fmt::format("{}-{}.eli", stem, i);
    make_folder(folder_ / below);
    write_file_atomically((folder_ / place).string(), read_file(found.path));
    return places_[found.path] = place.string();
  }

  // By its name alone where the search in the copies finds that one, so that the experiment reads as it was written.
  std::string name_of(const Found& found, const std::string& kind) {
    const std::string place = add(found, kind);
    try {
      const Found copy = find_part(found.item, kind, {folder_.string()});
      if (copy.path == (folder_ / place).lexically_normal().string()) return found.item;
    } catch (const Error&) {  // there are several
    }
    return (fs::path(kRules) / place).string() + ":" + found.item;
  }

 private:
  fs::path folder_;
  std::map<std::string, std::string> places_;  // of the copies, by the files
  std::set<std::string> taken_;
};

}  // namespace

void RunFolder::set_up(const Experiment& experiment) const {
  try {
    Copies copies(fs::path(path_) / kRules);
    for (const Variant& variant : experiment.variants) {
      for (const Part& part : variant.parts) copies.add(part.found, part.kind);
      if (variant.train.measure == 0) continue;
      if (const auto reference = reference_rule(variant.program.rule_paths)) {  // what the cosine is taken with
        const fs::path kept = fs::path(path_) / kRules / kReference;
        make_folder(kept.parent_path());
        write_file_atomically(kept.string(), read_file(*reference));
      }
      try {  // the optimiser of both sides of it
        copies.add(find_part("sgd", "optimiser", variant.program.rule_paths), "optimiser");
      } catch (const Error&) {  // no library: it is not measured
      }
    }
    const auto name_of = [&](const Part& part) { return copies.name_of(part.found, part.kind); };
    write_file_atomically(this->experiment(), experiment.resolved(name_of, {{kRules}}));
    content_.reset();
  } catch (...) {
    remove_set_up(path_);
    std::error_code error;
    fs::remove(fs::path(path_) / kLock, error);
    if (made_) fs::remove(path_, error);
    throw;
  }
}

}  // namespace eligo
