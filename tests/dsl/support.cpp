#include "support.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace eligo::dsl::testing {
namespace {

std::string shape(const Expr& e) {
  if (const auto time = as_time_index(e)) return "(time " + print(*time) + ")";  // t+1-1 is t
  std::string out = fmt::format("({} {} {} {}", static_cast<int>(e.kind), e.name, e.number, fmt::join(e.axes, ","));
  for (const ExprPtr& a : e.args) out += shape(*a);
  out += ";";
  for (const ExprPtr& o : e.overrides) out += shape(*o);
  return out + ")";
}

std::string shape(const ExprPtr& e) { return e ? shape(*e) : "-"; }

std::string shape(const std::vector<Comment>& comments) {
  std::string out;
  for (const Comment& c : comments) out += c.text + "|";
  return out;
}

std::string shape(const Declaration& d) {
  std::string init = fmt::format("{}{}", static_cast<int>(d.init.kind), d.init.distribution);
  for (const ExprPtr& a : d.init.args) init += shape(a);
  return fmt::format("<{} {} {} {} {} {} {}>", d.name, fmt::join(d.axes, ","), d.per_step, init, d.init_shared,
                     shape(d.low), shape(d.high));
}

std::string shape(const Statement& s) {
  std::string out = fmt::format("[{} {} {} ", static_cast<int>(s.kind), s.name, fmt::join(s.members, ","));
  for (const Declaration& d : s.decls) out += shape(d);
  for (const LetBinding& b : s.lets) out += b.name + shape(b.value);
  out += fmt::format("{}{}{} {} ", s.has_equation, s.record, static_cast<int>(s.assign), s.time ? print(*s.time) : "");
  for (const ExprPtr& i : s.indices) out += shape(i);
  out += fmt::format("{} {} {} {} {} {} {} {} {}", shape(s.value), s.short_first, s.sign, static_cast<int>(s.range),
                     s.every, s.running, shape(s.low), shape(s.high), s.over_time);
  for (const Statement& inner : s.body) out += shape(inner);
  return out + shape(s.leading) + s.trailing + shape(s.closing) + "]\n";
}

std::string shape(const HeaderEntry& h) {
  return fmt::format("{}{}{}{}{}{} ", static_cast<int>(h.kind), h.name, static_cast<int>(h.role), h.over,
                     h.value.value_or(-1), h.all);
}

}  // namespace

std::string rule_with(const std::string& body) {
  const bool calls = body.find("g(") != std::string::npos || body.find("θ") != std::string::npos;
  return std::string("rule r(net: cell, L: readout") + (calls ? ", g: synth" : "") +
         ") {\n  let s = net.state, x = net.input, ψ = net.params, φ = L.params" + (calls ? ", θ = g.params\n" : "\n") +
         body + "\n  learn φ -= d(L[t])/d(φ)\n}\n";
}

ParsedFile parsed(const std::string& text) {
  Diagnostics diagnostics;
  return parse_text("test.eli", text, diagnostics);
}

std::vector<std::string> codes_of(const std::string& text) {
  Diagnostics diagnostics;
  const ParsedFile file = parse_text("test.eli", text, diagnostics);
  if (diagnostics.empty()) check(file, diagnostics);
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics.list()) out.emplace_back(code_name(d.code));
  return out;
}

std::string skeleton(const File& file) {
  std::string out;
  for (const Item& item : file.items) {
    out += fmt::format("{} {} {}", static_cast<int>(item.kind), item.name, shape(item.leading));
    for (const HeaderEntry& h : item.header) out += shape(h);
    for (const Statement& s : item.statements) out += shape(s);
    out += shape(item.closing);
  }
  return out + shape(file.closing);
}

std::string rules_folder() { return ELIGO_RULES; }

std::vector<std::string> shipped_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rules_folder())) {
    if (entry.path().extension() == ".eli") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace eligo::dsl::testing
