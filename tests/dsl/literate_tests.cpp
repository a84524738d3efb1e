// What the language's front end says of texts: the literate tests of tests/language and tests/errors. Actions:
//
// check    the errors, or "ok"
// fmt      the canonical text, or the errors
// tree     each equation's right side with all parentheses
// typed    each item as the checker resolves it
// report   what `eligo check` says of a correct file; report-json as JSON; report-file of files of rules/, one a line
//
// `-- check escapes` reads \xNN in the input as a byte.
#include <sstream>
#include <string>
#include <vector>

#include "dsl/file.h"
#include "dsl/report.h"
#include "tests/support/literate.h"

namespace {

using namespace eligo::dsl;

using Case = eligo::test::LiterateCase;

std::string with_parentheses(const Expr& e) {
  if (e.args.empty()) return print(e);
  static constexpr const char* operators[] = {"", "", "", "", "", "", "+", "-", "*", "/", "^", "", ".", "", ""};
  const std::string op = e.kind == ExprKind::compare ? e.name : operators[static_cast<std::size_t>(e.kind)];
  if (!op.empty()) return "(" + with_parentheses(*e.args[0]) + " " + op + " " + with_parentheses(*e.args[1]) + ")";
  if (e.kind == ExprKind::negate) return "(-" + with_parentheses(*e.args[0]) + ")";
  return print(e);
}

std::string tree(const File& file) {
  std::string out;
  for (const Item& item : file.items) {
    for (const Statement& s : item.statements) {
      if (s.value) out += s.name + ": " + with_parentheses(*s.value) + "\n";
    }
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text.compare(i, 2, "\\x") == 0 && i + 3 < text.size();
    out += escape ? static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16)) : text[i];
    if (escape) i += 3;
  }
  return out;
}

std::string report_files(const std::string& names) {
  std::istringstream in(names);
  std::string out;
  for (std::string name; std::getline(in, name);) {
    Diagnostics diagnostics;
    const ParsedFile parsed = parse_file(ELIGO_RULES "/" + name, diagnostics);
    std::vector<TypedItemPtr> items;
    if (diagnostics.empty()) items = check(parsed, diagnostics);
    out += (out.empty() ? "" : "\n") + (diagnostics.empty() ? report(items) : render(diagnostics));
  }
  return out;
}

std::string typed(const std::vector<TypedItemPtr>& items) {
  std::string out;
  for (const TypedItemPtr& item : items) out += (out.empty() ? "" : "\n") + text(*item);
  return out;
}

std::string run(const Case& c) {
  if (c.action == "report-file") return report_files(c.input);
  const bool escapes = c.action.ends_with(" escapes");
  const std::string action = c.action.substr(0, c.action.find(' '));
  Diagnostics diagnostics;
  const ParsedFile parsed = parse_text("test.eli", escapes ? unescaped(c.input) : c.input, diagnostics);
  const bool parses = diagnostics.empty();
  std::vector<TypedItemPtr> items;
  if (parses && action != "fmt" && action != "tree") items = check(parsed, diagnostics);
  if (!diagnostics.empty()) return render(diagnostics);
  if (action == "check") return "ok\n";
  if (action == "fmt") return print(parsed.file);
  if (action == "tree") return tree(parsed.file);
  if (action == "typed") return typed(items);
  if (action == "report") return report(items);
  if (action == "report-json") return report_json(items) + "\n";
  return "unknown action: " + c.action + "\n";
}

}  // namespace

int main(int count, char** arguments) { return eligo::test::literate_main(count, arguments, run); }
