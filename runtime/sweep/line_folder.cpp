#include "runtime/sweep/line_folder.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "runtime/data/csv.h"
#include "runtime/experiment/run_folder.h"
#include "support/error.h"
#include "support/files.h"
#include "support/text_file.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFailed = ".failed";

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The one row of a run of one variant and seed; nothing while the training has not ended.
std::optional<Summary> read_summary(const PlanLine& line, const std::string& path) {
  CsvFile file(path);
  std::vector<std::string> cells;
  if (!file.next(cells)) return std::nullopt;
  Summary summary;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (file.names()[i] == "variant" || cells[i].empty()) continue;
    double value = 0;
    const char* const end = cells[i].data() + cells[i].size();
    const auto read = std::from_chars(cells[i].data(), end, value);
    if (read.ec != std::errc() || read.ptr != end)
      file.fail(i, "is no number; remove this file, and run the line again");
    summary[file.names()[i]] = value;
  }
  if (!summary.contains("final_loss") || summary["seed"] != static_cast<double>(line.seed) || file.next(cells))
    throw Error(fmt::format("{}: not the summary of this line's run; remove the file, and run the line again", path));
  return summary;
}

}  // namespace

std::string runs_of(const std::string& plan_path) {
  fs::path path = plan_path;
  return path.replace_extension(".runs").string();
}

std::string folder_of(const PlanLine& line, const std::string& runs) {
  return fmt::format("{}/{}-seed{}-{}", runs, file_name(line.variant), line.seed, line.digest);
}

LineReport report_on(const PlanLine& line, const std::string& runs) {
  LineReport report;
  const std::string path = folder_of(line, runs);
  try {
    if (is_there(path + "/experiment.toml")) {
      const RunFolder folder = RunFolder::read(path);
      report.state = LineState::begun;
      // The pictures are what a run writes last.
      if (is_there(folder.summary()) && is_there(folder.picture("svg")) && is_there(folder.picture("png")))
        if (auto summary = read_summary(line, folder.summary())) return {LineState::done, std::move(*summary), ""};
    }
    if (is_there(path + kFailed)) report = {LineState::failed, {}, read_file(path + kFailed)};
  } catch (const Error& error) {
    report = {LineState::failed, {}, error.what()};
  }
  return report;
}

std::vector<std::uint64_t> lines_to_do(const Plan& plan, const std::string& runs) {
  std::vector<std::uint64_t> numbers;
  for (const PlanLine& line : plan.lines)
    if (report_on(line, runs).state != LineState::done) numbers.push_back(line.number);
  return numbers;
}

std::string ranges_text(const std::vector<std::uint64_t>& numbers, std::size_t most, const char* between) {
  std::string out;
  std::size_t pieces = 0;
  for (std::size_t i = 0; i < numbers.size(); ++pieces) {
    if (pieces == most) return out + between + "...";
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    out += (out.empty() ? "" : between) + fmt::format("{}", numbers[i]);
    if (last > i) out += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return out;
}

void keep_failure(const PlanLine& line, const std::string& runs, const std::string& message) {
  const std::string path = folder_of(line, runs) + kFailed;
  if (message.empty()) {
    std::error_code error;
    fs::remove(path, error);
    return;
  }
  std::error_code error;
  fs::create_directories(runs, error);  // what is wrong with it, the file says
  write_file_atomically(path, message + "\n");
}

}  // namespace eligo
