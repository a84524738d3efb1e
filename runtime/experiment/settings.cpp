#include "runtime/experiment/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "dsl/names.h"
#include "support/error.h"
#include "support/text_file.h"
#include "support/utf8.h"

namespace eligo {

const std::vector<std::string> kNamedSections = {"task", "rule", "optimiser"};

namespace {

const char* type_text(toml::node_type type) {
  switch (type) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    default: return "a value of this kind";
  }
}

template <class T>
std::optional<std::vector<T>> list_of(const toml::array& array) {
  std::vector<T> values;
  for (const auto& element : array) {
    const auto value = element.value_exact<T>();
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// Whole ones among them are taken as real.
std::optional<std::vector<double>> numbers_of(const toml::array& array) {
  std::vector<double> values;
  for (const auto& element : array) {
    if (!element.is_number()) return std::nullopt;
    values.push_back(*element.value<double>());
  }
  return values;
}

Setting read_value(const toml::node& node, const std::string& path, const std::string& place) {
  if (const auto v = node.value_exact<bool>()) return {*v, place};
  if (const auto v = node.value_exact<std::int64_t>()) return {*v, place};
  if (const auto v = node.value_exact<double>()) return {*v, place};
  if (const auto v = node.value_exact<std::string>()) return {*v, place};
  if (const auto* array = node.as_array()) {
    if (auto numbers = list_of<std::int64_t>(*array)) return {*numbers, place};
    if (auto numbers = numbers_of(*array)) return {*numbers, place};
    if (auto texts = list_of<std::string>(*array)) return {*texts, place};
    throw Error(fmt::format("{}: {} is a list of mixed things, expected numbers or texts", place, path));
  }
  throw Error(fmt::format("{}: {} is {}, expected a number, a text, true or false, or a list of them", place, path,
                          type_text(node.type())));
}

std::string full_path(const std::string& path) {
  const bool section = std::find(kNamedSections.begin(), kNamedSections.end(), path) != kNamedSections.end();
  return section ? path + ".name" : path;
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& file, Settings& out) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + dsl::canonical(key.str());
    if (prefix.empty() && (path == "compare" || path == "sweep" || path == "quick")) continue;
    if (const auto* inner = node.as_table()) {
      flatten(*inner, path + ".", file, out);
      continue;
    }
    const std::string place = fmt::format("{}:{}", file, key.source().begin.line);
    const auto [at, fresh] = out.emplace(full_path(path), read_value(node, path, place));
    if (!fresh) throw Error(fmt::format("{}: {} is given twice, first at {}", place, path, at->second.place));
  }
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else out += c;
  }
  return out + "\"";
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string value_text(const Setting& value) {
  struct Print {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return number_text(v); }
    std::string operator()(const std::string& v) const { return quoted(v); }
    std::string operator()(const std::vector<std::int64_t>& v) const { return fmt::format("[{}]", fmt::join(v, ", ")); }
    std::string operator()(const std::vector<double>& v) const {
      std::string out;
      for (const double number : v) out += (out.empty() ? "" : ", ") + number_text(number);
      return "[" + out + "]";
    }
    std::string operator()(const std::vector<std::string>& v) const {
      std::string out;
      for (const auto& text : v) out += (out.empty() ? "" : ", ") + quoted(text);
      return "[" + out + "]";
    }
  };
  return std::visit(Print{}, value.data);
}

// Bare where TOML allows it.
std::string key_text(const std::string& path) {
  std::string out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string part = dsl::ascii(path.substr(begin, end - begin));
    const bool bare = !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) {
      return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '-');
    });
    out += (begin == 0 ? "" : ".") + (bare ? part : quoted(part));
    begin = end + 1;
  }
  return out;
}

// Settings without a section first, then each section under its heading.
void print_sections(const Settings& settings, std::string& out) {
  for (const auto& [path, value] : settings) {
    if (path.find('.') == std::string::npos) out += fmt::format("{} = {}\n", key_text(path), value_text(value));
  }
  std::string section;
  for (const auto& [path, value] : settings) {
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) continue;
    if (path.substr(0, dot) != section) {
      section = path.substr(0, dot);
      out += fmt::format("\n[{}]\n", key_text(section));
    }
    out += fmt::format("{} = {}\n", key_text(path.substr(dot + 1)), value_text(value));
  }
}

}  // namespace

std::string Setting::described() const {
  const char* kinds[] = {"", "the whole number ", "the number ", "the text ", "the list ", "the list ", "the list "};
  return kinds[data.index()] + value_text(*this);
}

std::string Setting::text() const { return value_text(*this); }

std::optional<std::vector<Setting>> Setting::entries() const {
  std::vector<Setting> list;
  const auto take = [&](const auto& values) {
    for (const auto& value : values) list.push_back({value, place});
  };
  if (const auto* wholes = std::get_if<std::vector<std::int64_t>>(&data)) take(*wholes);
  else if (const auto* reals = std::get_if<std::vector<double>>(&data)) take(*reals);
  else if (const auto* texts = std::get_if<std::vector<std::string>>(&data)) take(*texts);
  else return std::nullopt;
  return list;
}

namespace {

// toml++ bounds how deep values may be nested, but not keys: a.b.c… is a table in a table in a table.
void check_keys(const std::string& text, const std::string& path) {
  constexpr int most = 200;
  int dots = 0;
  std::size_t line = 1;
  char quote = 0;
  for (const char c : text) {
    line += c == '\n';
    if (c == '"' || c == '\'') quote = quote == 0 ? c : quote == c ? 0 : quote;
    if (c == '\n') quote = 0;
    if (quote != 0) continue;
    if (c == '.') ++dots;
    else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') dots = 0;
    if (dots > most) throw Error(fmt::format("{}:{}: a key has more than {} parts", path, line, most));
  }
}

// A number that TOML does not take as one, because nothing holds it.
bool too_large_a_number(const std::string& text) {
  const char *first = text.data() + (text.starts_with('+') ? 1 : 0), *last = text.data() + text.size();
  double real = 0;
  const auto read = std::from_chars(first, last, real);
  return read.ptr == last && first != last && (read.ec == std::errc::result_out_of_range || read.ec == std::errc{}) &&
         std::isdigit(static_cast<unsigned char>(last[-1])) != 0;
}

}  // namespace

namespace {

// A table that is none of the experiment's sections; empty where the file has none.
Settings own_table(const toml::table& file, const char* name, const std::string& path) {
  Settings settings;
  const toml::node* node = file.get(name);
  if (node == nullptr) return settings;
  if (!node->is_table())
    throw Error(fmt::format("{0}:{1}: {2} must be a table: write [{2}]", path, node->source().begin.line, name));
  for (const char* other : {"compare", "sweep", "quick"})
    if (const toml::node* inner = node->as_table()->get(other))
      throw Error(fmt::format("{}:{}: [{}] has no {}: write it at the top of the file", path, inner->source().begin.line,
                              name, other));
  flatten(*node->as_table(), "", path, settings);
  return settings;
}

}  // namespace

SettingsFile parse_settings(const std::string& text, const std::string& path) {
  toml::table table;
  check_keys(text, path);
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}:{}: not TOML: {}", path, error.source().begin.line, error.source().begin.column,
                            std::string_view(error.description())));
  }
  SettingsFile file;
  flatten(table, "", path, file.base);
  file.sweep = own_table(table, "sweep", path);
  file.quick = own_table(table, "quick", path);
  const toml::node* compare = table.get("compare");
  if (compare == nullptr) return file;
  const std::string place = fmt::format("{}:{}", path, compare->source().begin.line);
  const auto* list = compare->as_array();
  if (list == nullptr) throw Error(fmt::format("{}: compare must be a list of tables: write [[compare]]", place));
  for (const auto& entry : *list) {
    const auto* inner = entry.as_table();
    if (inner == nullptr) throw Error(fmt::format("{}: compare must be a list of tables: write [[compare]]", place));
    flatten(*inner, "", path, file.compare.emplace_back());
  }
  return file;
}

SettingsFile read_settings(const std::string& path) {
  constexpr std::uint64_t most = 4 << 20;
  return parse_settings(read_text_file(path, most), path);
}

std::pair<std::string, Setting> parse_override(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(fmt::format("command line: \"{}\" is not a setting; write name=value, such as rule.lambda=0.5", text));
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = dsl::decode(text, at).length;
    if (length == 0)  // could not be written to the run folder's experiment
      throw Error(fmt::format("command line: {} is no UTF-8 text from its byte {} on", quoted(text.substr(0, equals)), at + 1));
    at += length;
  }
  const std::string path = dsl::canonical(text.substr(0, equals)), right = text.substr(equals + 1);
  const std::string place = kCommandLine;
  Setting value{right, place};
  try {
    check_keys(right, place);
    const toml::table table = toml::parse("value = " + right);
    if (const auto* node = table.get("value"); node != nullptr && table.size() == 1)
      value = read_value(*node, path, place);
  } catch (const toml::parse_error&) {  // a bare word is a text
    if (too_large_a_number(right))
      throw Error(fmt::format("{}: {} = {} is out of range: whole numbers have 63 bits, others go up to about 1.8e308",
                              place, path, right));
  }
  return {full_path(path), value};
}

std::string print_settings(const SettingsFile& settings) {
  std::string out;
  print_sections(settings.base, out);
  for (const auto& variant : settings.compare) {
    out += "\n[[compare]]\n";
    for (const auto& [path, value] : variant) {
      if (path == "name") out += fmt::format("name = {}\n", value_text(value));
    }
    for (const auto& [path, value] : variant) {
      if (path != "name") out += fmt::format("{} = {}\n", key_text(path), value_text(value));
    }
  }
  return out;
}

}  // namespace eligo
