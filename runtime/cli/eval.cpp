#include "runtime/cli/eval.h"

#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/evaluate_case.h"
#include "runtime/session.h"

namespace eligo::cli {
namespace {

// A case may name rule files beside itself: "mine.eli:rule" or "mine.eli".
void name_files_beside(nlohmann::json& input, const std::filesystem::path& folder) {
  if (!input.is_object() || folder.empty()) return;
  for (const char* field : {"rule", "cell", "readout", "synth", "optimiser"}) {
    auto found = input.find(field);
    if (found == input.end() || !found->is_string()) continue;
    const std::string name = found->get<std::string>();
    const std::string file = name.substr(0, name.find(".eli") == std::string::npos ? 0 : name.find(".eli") + 4);
    std::error_code ignored;
    if (!file.empty() && !std::filesystem::exists(file, ignored) && std::filesystem::exists(folder / file, ignored))
      *found = (folder / file).string() + name.substr(file.size());
  }
}

}  // namespace

int eval(const std::string& case_path, const std::string& out_path, const std::vector<std::string>& rule_folders) {
  std::ifstream in(case_path);
  if (!in) throw Error(fmt::format("{}: cannot be read; give the path of a JSON case", case_path));
  nlohmann::json input;
  try {
    input = nlohmann::json::parse(in);
  } catch (const nlohmann::json::exception& e) {
    throw Error(fmt::format("{}: not JSON: {}", case_path, e.what()));
  }
  std::string text;
  try {
    name_files_beside(input, std::filesystem::path(case_path).parent_path());
    text = evaluate_case(input, rule_folders).dump(1) + "\n";
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", case_path, e.what()));
  }
  if (out_path.empty() || out_path == "-") {
    std::cout << text;
    return std::cout.flush() ? 0 : 1;
  }
  std::ofstream out(out_path);
  out << text;
  if (!out.flush()) throw Error(fmt::format("{}: cannot be written", out_path));
  return 0;
}

}  // namespace eligo::cli
