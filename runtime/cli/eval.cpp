#include "runtime/cli/eval.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "runtime/evaluate_case.h"
#include "runtime/json_text.h"
#include "runtime/session.h"
#include "runtime/synth_roles.h"

namespace eligo::cli {
namespace {

// "mine.eli:rule" or "mine.eli" by the path beside the case, if the file lies there.
std::string beside(const std::string& name, const std::filesystem::path& folder) {
  const std::size_t end = name.find(".eli");
  if (end == std::string::npos) return name;
  const std::string file = name.substr(0, end + 4);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) || !std::filesystem::exists(folder / file, ignored)) return name;
  return (folder / file).string() + name.substr(file.size());
}

// A case may name rule files beside itself.
void name_files_beside(nlohmann::json& input, const std::filesystem::path& folder) {
  if (!input.is_object() || folder.empty()) return;
  for (const char* field : {"rule", "cell", "readout", "optimiser"}) {
    auto found = input.find(field);
    if (found != input.end() && found->is_string()) *found = beside(found->get<std::string>(), folder);
  }
  auto synth = input.find("synth");
  if (synth == input.end()) return;
  if (synth->is_string()) {
    SynthRoles roles = read_synth_roles(synth->get<std::string>());
    roles.replace([&](const std::string& part) { return beside(part, folder); });
    *synth = roles.text();
  } else if (synth->is_object()) {
    for (auto& part : *synth)
      if (part.is_string()) part = beside(part.get<std::string>(), folder);
  }
}

}  // namespace

int eval(const std::string& case_path, const std::string& out_path, const std::vector<std::string>& rule_folders) {
  nlohmann::json input = read_json(case_path);
  std::string text;
  try {
    name_files_beside(input, std::filesystem::path(case_path).parent_path());
    text = json_text(evaluate_case(input, rule_folders), 1);
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", case_path, e.what()));
  }
  if (out_path.empty() || out_path == "-") {
    fmt::print("{}", text);
    return 0;
  }
  std::ofstream out(out_path);
  out << text;
  if (!out.flush()) throw Error(fmt::format("{}: cannot be written", out_path));
  return 0;
}

}  // namespace eligo::cli
