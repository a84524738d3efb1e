#include "runtime/cli/eval.h"

#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/evaluate_case.h"
#include "runtime/session.h"

namespace eligo::cli {

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
    // A case may name files beside itself.
    std::vector<std::string> folders = rule_folders;
    const std::string beside = std::filesystem::path(case_path).parent_path().string();
    if (!beside.empty()) folders.push_back(beside);
    text = evaluate_case(input, folders).dump(1) + "\n";
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
