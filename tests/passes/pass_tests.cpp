// One pass at a time. The action of a case names the pass, then sizes (n=3) and what else the program is compiled for:
// schedule=P=reverse, batch=1, update=step. The input is a file with one rule and the parts that it runs with.
//
// The expected text is the difference that the pass makes to the program's text, phase by phase:
//
//   phase step
//   - a line that the pass takes away
//   + a line that it puts there
//
// Two passes have a text of their own: `unreached` gives what it notes, `lower` all loops. `transpose` is the difference
// that a schedule makes to the elaborated graph.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/core.h>

#include "compiler/driver/dump.h"
#include "compiler/driver/pipeline.h"
#include "compiler/frontend/unreached.h"
#include "compiler/ir/print.h"
#include "compiler/loops/print.h"
#include "dsl/file.h"
#include "runtime/library/compile.h"
#include "tests/support/literate.h"

namespace {

using namespace eligo;
using test::LiterateCase;

// A file that goes when the test ends.
class RuleFile {
 public:
  explicit RuleFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / fmt::format("eligo-pass-{}.eli", getpid())) {
    std::ofstream(path_) << text;
  }
  ~RuleFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

void set(ProgramSpec& spec, const std::string& word) {
  const auto equals = word.find('=');
  const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
  if (name == "schedule") spec.schedule[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
  else if (name == "batch") spec.batch_hint = std::stoll(value);
  else if (name == "update") spec.update = value == "step" ? Update::step : Update::window;
  else spec.sizes[name] = std::stoll(value);
}

// The rule and the parts of a file.
ProgramSpec spec_of(const std::string& path, const std::string& text) {
  dsl::Diagnostics diagnostics;
  const dsl::ParsedFile parsed = dsl::parse_text(path, text, diagnostics);
  if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
  ProgramSpec spec;
  spec.optimiser = "";
  spec.cache = "none";
  spec.schedule[""] = "dense";
  for (const dsl::Item& item : parsed.file.items) {
    const std::string name = path + ":" + item.name;
    if (item.kind == dsl::ItemKind::rule) spec.rule = name;
    if (item.kind == dsl::ItemKind::cell) spec.cell = name;
    if (item.kind == dsl::ItemKind::readout) spec.readout = name;
    if (item.kind == dsl::ItemKind::synth) spec.synth = name;
    if (item.kind == dsl::ItemKind::optimiser) spec.optimiser = name;
  }
  return spec;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

// By length of the longest common rest: what is left of one text and of the other.
std::vector<std::vector<int>> common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<int>> length(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      length[i][j] = a[i] == b[j] ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
  return length;
}

bool is_heading(const std::string& line) { return line.starts_with("phase ") || line.starts_with("function "); }

std::string difference(const std::string& before, const std::string& after) {
  const std::vector<std::string> a = lines_of(before), b = lines_of(after);
  const auto length = common(a, b);
  std::string out, heading, shown;
  const auto say = [&](char sign, const std::string& line) {
    const bool heads = is_heading(line);
    if (!heads && heading != shown) out += heading + "\n", shown = heading;
    out += fmt::format("{} {}\n", sign, line.starts_with("  ") ? line.substr(2) : line);
    if (heads) heading = shown = line;
  };
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      if (is_heading(a[i])) heading = a[i];
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && length[i + 1][j] >= length[i][j + 1])) {
      say('-', a[i++]);
    } else {
      say('+', b[j++]);
    }
  }
  return out.empty() ? "(unchanged)\n" : out;
}

std::string dumped(const ProgramSpec& spec, const compiler::CompileOptions& options, const std::string& stage) {
  return compiler::dump_stage(*scheduled(spec), options, stage);
}

std::string noted(const ProgramSpec& spec, const compiler::CompileOptions& options) {
  const auto program = scheduled(spec);
  compiler::run_passes(*program, options, compiler::PassId::unreached);
  std::string out;
  for (const compiler::Unreached& one : program->unreached) out += compiler::text(one) + "\n";
  return out.empty() ? "nothing\n" : out;
}

std::string before_transpose(ProgramSpec spec, const compiler::CompileOptions& options) {
  spec.schedule = {{"", "dense"}};
  return dumped(spec, options, "graph");
}

std::string run(const LiterateCase& c) {
  std::istringstream words(c.action);
  std::string pass, word;
  words >> pass;
  const RuleFile file(c.input);
  try {
    ProgramSpec spec = spec_of(file.path(), c.input);
    while (words >> word) set(spec, word);
    compiler::CompileOptions options;
    options.batch = spec.batch_hint;
    if (pass == "unreached") return noted(spec, options);
    if (pass == "lower") return dumped(spec, options, pass);
    if (pass == "transpose") return difference(before_transpose(spec, options), dumped(spec, options, "graph"));
    const std::vector<std::string> names = compiler::pass_names();
    const auto at = std::find(names.begin(), names.end(), pass);
    if (at == names.end()) return "there is no pass " + pass + "\n";
    const std::string earlier = at == names.begin() ? "graph" : *(at - 1);
    return difference(dumped(spec, options, earlier), dumped(spec, options, pass));
  } catch (const std::exception& e) {
    return fmt::format("error: {}\n", e.what());
  }
}

}  // namespace

int main(int count, char** arguments) { return test::literate_main(count, arguments, run); }
