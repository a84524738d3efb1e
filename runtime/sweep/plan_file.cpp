// Plans as files: lines of JSON, the first of which says how many there are and what they add up to.
#include <fmt/format.h>

#include <filesystem>

#include "dsl/names.h"
#include "runtime/sweep/plan.h"
#include "support/error.h"
#include "support/files.h"
#include "support/json_text.h"
#include "support/random.h"
#include "support/text_file.h"

namespace eligo {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKind = "sweep plan";
constexpr std::int64_t kVersion = 1;

Json setting_json(const Setting& setting) {
  if (const auto* real = std::get_if<double>(&setting.data)) return number_json<Json>(*real);
  return std::visit([](const auto& value) { return Json(value); }, setting.data);
}

std::string line_text(const PlanLine& line) {
  Json settings = Json::object();
  for (const auto& [path, value] : line.settings) settings[dsl::ascii(path)] = setting_json(value);
  const Json json = {{"line", line.number},  {"variant", line.variant},       {"seed", line.seed},
                     {"settings", settings}, {"experiment", line.experiment}, {"rules", line.rules},
                     {"digest", line.digest}};
  return json.dump() + "\n";
}

// --- reading --------------------------------------------------------------------------------------------------------

class PlanReader {
 public:
  explicit PlanReader(const std::string& path) : path_(path), text_(read_text_file(path, json_max_bytes)) {}

  Plan read() {
    const nlohmann::json header = read_header();
    Plan plan;
    plan.path = path_;
    plan.name = text(header, "name");
    const std::uint64_t count = whole(header, "lines");
    const std::size_t begin = at_;
    check_length(count);
    while (at_ < text_.size()) plan.lines.push_back(read_line(plan.lines.size()));
    if (plan.lines.size() > count || digest(text_.substr(begin)) != text(header, "digest"))
      throw Error(fmt::format("{}: has been changed since it was written; plan again with `eligo sweep plan`", path_));
    return plan;
  }

  // Whether the first line is a plan's, whatever comes behind it.
  static bool is_plan(const std::string& path) {
    try {
      PlanReader(path).read_header();
      return true;
    } catch (const Error&) {
      return false;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(fmt::format("{}:{}: {}", path_, row_, what)); }

  std::string next_row() {
    ++row_;
    const std::size_t end = text_.find('\n', at_);
    const std::string row = text_.substr(at_, end - at_);
    at_ = end == std::string::npos ? text_.size() : end + 1;
    return row;
  }

  nlohmann::json read_object(const std::string& row) const {
    nlohmann::json json = parse_json(row, fmt::format("{}:{}", path_, row_));
    if (!json.is_object()) fail("expected an object of JSON");
    return json;
  }

  nlohmann::json read_header() {
    const char* const advice = "no plan; `eligo sweep plan FILE.toml -o PLAN` writes one";
    const std::string row = next_row();
    if (row.find(kKind) == std::string::npos) fail(advice);
    nlohmann::json header = read_object(row);
    if (text(header, "eligo") != kKind) fail(advice);
    if (const std::uint64_t version = whole(header, "version"); version != kVersion)
      fail(fmt::format("a plan of version {}, and this is eligo for version {}; plan again", version, kVersion));
    return header;
  }

  void check_length(std::uint64_t count) const {
    const auto rows =
        static_cast<std::uint64_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), '\n'));
    if (rows < count || !text_.ends_with('\n'))
      throw Error(fmt::format("{}: is cut short: {} of {} lines are whole; plan again with `eligo sweep plan`", path_,
                              rows, count));
    if (count == 0) throw Error(fmt::format("{}:1: a plan of no lines; plan again with `eligo sweep plan`", path_));
  }

  const nlohmann::json& field(const nlohmann::json& json, const char* name) const {
    const auto found = json.find(name);
    if (found == json.end()) fail(fmt::format("\"{}\" is missing; plan again with `eligo sweep plan`", name));
    return *found;
  }

  std::string text(const nlohmann::json& json, const char* name) const {
    const nlohmann::json& value = field(json, name);
    if (!value.is_string()) fail(fmt::format("\"{}\" is {}, expected a text", name, value.dump()));
    return value.get<std::string>();
  }

  std::uint64_t whole(const nlohmann::json& json, const char* name) const {
    const nlohmann::json& value = field(json, name);
    if (!value.is_number_unsigned()) fail(fmt::format("\"{}\" is {}, expected a whole number", name, value.dump()));
    return value.get<std::uint64_t>();
  }

  Settings settings(const nlohmann::json& json) const {
    const nlohmann::json& all = field(json, "settings");
    if (!all.is_object()) fail("\"settings\" is no object");
    Settings out;
    for (const auto& [name, value] : all.items()) {
      Setting setting{std::string(), path_};
      if (value.is_boolean()) setting.data = value.get<bool>();
      else if (value.is_number_integer()) setting.data = value.get<std::int64_t>();
      else if (value.is_number()) setting.data = value.get<double>();
      else if (value.is_string()) setting.data = value.get<std::string>();
      else fail(fmt::format("\"settings\": {} is {}, expected a number, a text, true or false", name, value.dump()));
      out[dsl::canonical(name)] = setting;
    }
    return out;
  }

  PlanLine read_line(std::size_t number) {
    const nlohmann::json json = read_object(next_row());
    PlanLine line;
    line.number = whole(json, "line");
    if (line.number != number) fail(fmt::format("\"line\" is {}, expected {}; plan again", line.number, number));
    line.variant = text(json, "variant");
    line.seed = whole(json, "seed");
    line.settings = settings(json);
    line.experiment = text(json, "experiment");
    line.rules = text(json, "rules");
    line.digest = text(json, "digest");
    if (line.digest != digest_of(line))
      fail(fmt::format("line {} has been changed since it was planned; plan again with `eligo sweep plan`", number));
    return line;
  }

  std::string path_, text_;
  std::size_t at_ = 0;
  std::uint64_t row_ = 0;
};

}  // namespace

std::string digest(const std::string& text) { return fmt::format("{:016x}", purpose_hash(text)); }

std::string digest_of(const PlanLine& line) { return digest(line.rules + "\n" + line.experiment); }

void write_plan(const Plan& plan, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error) && !PlanReader::is_plan(path))
    throw Error(fmt::format("{}: is there already, and no plan; choose another with -o", path));
  std::string lines;
  for (const PlanLine& line : plan.lines) lines += line_text(line);
  const Json header = {{"eligo", kKind},
                       {"version", kVersion},
                       {"name", plan.name},
                       {"lines", plan.lines.size()},
                       {"digest", digest(lines)}};
  write_file_atomically(path, header.dump() + "\n" + lines);
}

Plan read_plan(const std::string& path) { return PlanReader(path).read(); }

}  // namespace eligo
