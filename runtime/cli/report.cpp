#include "runtime/cli/report.h"

#include <fmt/core.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "runtime/library/library.h"
#include "runtime/report/page.h"
#include "runtime/report/report_over.h"
#include "runtime/report/report_pictures.h"
#include "support/error.h"
#include "support/files.h"
#include "support/targets.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

namespace fs = std::filesystem;

// A report must not take the place of what a run has written, by a slip of the hand.
void check_target(const std::string& path) {
  std::error_code error;
  const fs::path place = fs::weakly_canonical(path, error);
  if (!fs::exists(place, error)) return;
  static const std::set<std::string> own = {"experiment.toml", "metrics.csv",   "summary.csv", "run.json",
                                            "run.lock",        "metrics.jsonl", "curves.svg",  "curves.png"};
  const fs::path folder = place.parent_path();
  const bool in_run = is_run_folder(folder.string()) && own.contains(place.filename().string());
  const bool below = is_run_folder(folder.parent_path().string());
  if (in_run || below)
    throw Error(fmt::format("{}: is a file that a run has written; choose another to write to", path));
}

void write(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  if (path == "-") return write_result(path, text);
  write_file_atomically(path, text);
  say(fmt::format("{}\n", path));
}

void draw(const Report& report, const std::string& folder) {
  std::error_code error;
  const fs::path place = fs::weakly_canonical(folder, error);
  for (const char* own : {"checkpoints", "rules", "tensorboard"})
    if (place.filename() == own && is_run_folder(place.parent_path().string()))
      throw Error(fmt::format("{}: is what a run has written; choose another folder for the pictures", folder));
  for (const std::string& file : write_report_pictures(report, folder)) say(fmt::format("{}\n", file));
}

}  // namespace

int report(const ReportArguments& a) {
  std::set<std::string> targets;
  for (const std::string& path : {a.out, a.markdown, a.csv}) {
    if (path.empty()) continue;
    if (!targets.insert(path).second)
      throw Error(fmt::format("{}: two forms of the report are to be written there; give each a file", path));
    if (path != "-") check_target(path);
  }
  check_targets({a.out, a.markdown, a.csv});
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the write, with a message
  Report made = make_report(a.folders);
  if (!a.over.empty()) set_over(made, a.over);
  if (a.credit) measure_credit(made);
  for (const std::string& note : made.notes) complain(fmt::format("note: {}\n", note));
  if (!a.pictures.empty()) draw(made, a.pictures);
  if (targets.empty() && a.pictures.empty()) {
    say(report_markdown(made));
    return 0;
  }
  if (!a.out.empty()) write(a.out, report_page(made));
  if (!a.markdown.empty()) write(a.markdown, report_markdown(made));
  if (!a.csv.empty()) write(a.csv, report_csv(made));
  return 0;
}

}  // namespace eligo::cli
