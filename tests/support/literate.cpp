#include "tests/support/literate.h"

#include <fstream>
#include <iostream>
#include <vector>

namespace eligo::test {
namespace {

using Run = std::function<std::string(const LiterateCase&)>;

// Reads the cases; what stands before the first is kept as the file's head.
std::vector<LiterateCase> read(const std::string& path, std::string& head) {
  std::ifstream in(path);
  std::vector<LiterateCase> cases;
  std::string* into = &head;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.starts_with("== ")) {
      cases.push_back({line.substr(3), "", "", "", number});
      into = nullptr;
    } else if (!cases.empty() && cases.back().action.empty() && line.starts_with("-- ")) {
      cases.back().action = line.substr(3);
      into = &cases.back().input;
    } else if (!cases.empty() && line == "--") {
      into = &cases.back().expected;
    } else if (into != nullptr) {
      *into += line + "\n";
    }
  }
  for (LiterateCase& c : cases) {  // a blank line parts cases
    while (c.expected.ends_with("\n\n")) c.expected.pop_back();
    if (c.expected == "\n") c.expected.clear();
  }
  return cases;
}

int compare(const std::string& path, const std::vector<LiterateCase>& cases, const Run& run) {
  int failed = 0;
  for (const LiterateCase& c : cases) {
    const std::string got = run(c);
    if (got == c.expected) continue;
    ++failed;
    std::cout << path << ":" << c.line << ": " << c.title << "\nexpected:\n"
              << c.expected << "\nfound:\n"
              << got << "\n";
  }
  std::cout << path << ": " << cases.size() - static_cast<std::size_t>(failed) << " of " << cases.size() << " pass\n";
  return failed;
}

void regenerate(const std::string& path, const std::string& head, const std::vector<LiterateCase>& cases, const Run& run) {
  std::ofstream out(path);
  out << head;
  for (const LiterateCase& c : cases) {
    out << "== " << c.title << "\n-- " << c.action << "\n" << c.input << "--\n" << run(c) << "\n";
  }
}

}  // namespace

int literate_main(int count, char** arguments, const Run& run) {
  int failed = 0;
  bool rewrite = false;
  for (int i = 1; i < count; ++i) {
    const std::string path = arguments[i];
    if (path == "--regenerate") {
      rewrite = true;
      continue;
    }
    std::string head;
    const std::vector<LiterateCase> cases = read(path, head);
    if (cases.empty()) {
      std::cout << path << ": no cases\n";
      ++failed;
    } else if (rewrite) {
      regenerate(path, head, cases, run);
    } else {
      failed += compare(path, cases, run);
    }
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace eligo::test
