#include "runtime/experiment/metrics.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "runtime/data/csv.h"
#include "runtime/data/npz_archive.h"
#include "support/error.h"
#include "support/files.h"
#include "support/text_file.h"

namespace eligo {
namespace {

constexpr const char* kColumns = "variant,seed,epoch,batch,split,loss,score,cosine,ms_per_batch";
constexpr std::size_t kCount = 9;  // of them

std::string header(MetricsColumns columns) {
  return std::string(kColumns) + (columns.episodes ? ",success,episode_steps" : "") +
         (columns.curriculum ? ",option" : "") + (columns.solved ? ",solved" : "") + "\n";
}

// Of a file that begins with one of the headers.
std::optional<MetricsColumns> columns_of(const std::string& text) {
  for (const bool episodes : {false, true})
    for (const auto& [curriculum, solved] : {std::pair(false, false), {true, false}, {true, true}})
      if (text.starts_with(header({episodes, curriculum, solved}))) return MetricsColumns{episodes, curriculum, solved};
  return std::nullopt;
}

std::string number(const std::optional<double>& value) {
  if (value && std::isnan(*value)) return "nan";  // whatever its sign
  return value ? fmt::format("{}", *value) : "";
}

std::string line_of(const MetricsRow& row, MetricsColumns columns) {
  std::string line =
      fmt::format("{},{},{},{},{},{},{},{},{}", csv_cell(row.variant), row.seed, row.epoch, row.batch, row.split,
                  number(row.loss), number(row.score), number(row.cosine), number(row.milliseconds));
  if (columns.episodes) line += fmt::format(",{},{}", number(row.success), number(row.length));
  if (columns.curriculum) line += "," + number(row.option);
  if (columns.solved) line += "," + number(row.solved);
  return line + "\n";
}

// The next row's cells from `at` on, which moves behind the row's end.
std::vector<std::string> read_cells(const std::string& text, std::size_t& at) {
  std::vector<std::string> cells(1);
  bool inside = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (inside && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      cells.back() += '"';
      ++at;
    } else if (c == '"') {
      inside = !inside;
    } else if (c == ',' && !inside) {
      cells.emplace_back();
    } else if (c == '\n' && !inside) {
      ++at;
      return cells;
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

template <class T>
bool parse(const std::string& text, T& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool parse(const std::string& text, std::optional<double>& value) {
  if (text.empty()) return true;
  return parse(text, value.emplace());
}

bool parse_row(const std::vector<std::string>& cells, MetricsColumns columns, MetricsRow& row) {
  std::vector<std::optional<double>*> more;
  if (columns.episodes) more = {&row.success, &row.length};
  if (columns.curriculum) more.push_back(&row.option);
  if (columns.solved) more.push_back(&row.solved);
  if (cells.size() != kCount + more.size()) return false;
  for (std::size_t i = 0; i < more.size(); ++i)
    if (!parse(cells[kCount + i], *more[i])) return false;
  row.variant = cells[0];
  row.split = cells[4];
  return parse(cells[1], row.seed) && parse(cells[2], row.epoch) && parse(cells[3], row.batch) &&
         parse(cells[5], row.loss) && parse(cells[6], row.score) && parse(cells[7], row.cosine) &&
         parse(cells[8], row.milliseconds);
}

[[noreturn]] void fail_to_write(const std::string& path) {
  throw Error(
      fmt::format("{}: cannot be written: {}; what was written before is kept, free space or choose another "
                  "folder, then resume",
                  path, std::strerror(errno)));
}

}  // namespace

MetricsFile::MetricsFile(std::string path, MetricsColumns columns) : path_(std::move(path)), columns_(columns) {
  open_file();
}

void MetricsFile::open_file() {
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) fail_to_write(path_);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path_, error)) return;  // a device or a pipe takes rows as they are
  const std::string text = read_file(path_);
  const std::size_t end = text.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole < text.size() && !truncate_file(file_, whole)) fail_to_write(path_);
  if (const auto there = columns_of(text)) columns_ = *there;
  const std::string columns = header(columns_);
  if (whole == 0 && !write_all(file_, columns.data(), columns.size())) fail_to_write(path_);
}

MetricsFile::~MetricsFile() {
  if (file_ >= 0) close(file_);
}

void MetricsFile::append(const MetricsRow& row) {
  const std::string line = line_of(row, columns_);
  if (!write_all(file_, line.data(), line.size())) fail_to_write(path_);
  if (other_) other_(row);
}

void MetricsFile::sync() {
  if (!sync_file(file_)) fail_to_write(path_);
}

void MetricsFile::remove_if(const std::function<bool(const MetricsRow&)>& unwanted) {
  auto rows = read_metrics(path_);
  const auto kept = std::remove_if(rows.begin(), rows.end(), unwanted);
  if (kept == rows.end()) return;
  rows.erase(kept, rows.end());
  write_metrics(path_, rows, columns_);
  close(file_);  // of the file that was replaced
  open_file();
}

std::vector<MetricsRow> read_metrics(const std::string& path) { return parse_metrics(read_file(path), path); }

std::vector<MetricsRow> parse_metrics(const std::string& text, const std::string& path) {
  std::vector<MetricsRow> rows;
  const std::optional<MetricsColumns> columns = columns_of(text);
  if (!columns)
    throw Error(fmt::format("{}:1: not the metrics of a run, the first line is not {}", path, kColumns));
  std::size_t at = header(*columns).size();
  for (std::size_t line = 2; at < text.size(); ++line) {
    MetricsRow row;
    if (!parse_row(read_cells(text, at), *columns, row)) {
      throw Error(fmt::format("{}:{}: not a row of metrics; remove this line and resume", path, line));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void write_metrics(const std::string& path, const std::vector<MetricsRow>& rows, MetricsColumns columns) {
  std::string text = header(columns);
  for (const auto& row : rows) text += line_of(row, columns);
  write_file_atomically(path, text);
}

}  // namespace eligo
