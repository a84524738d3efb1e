#include "dsl/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/terminal.h"
#include "support/utf8.h"

namespace eligo::dsl {
namespace {

struct Entry {
  std::string_view name, title, help;
};

constexpr Entry entries[] = {
#define CODE(name, title, help) {#name, title, help},
#include "dsl/codes.def"
#undef CODE
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

struct Paint {
  bool on;
  std::string red(std::string_view s) const { return on ? fmt::format("\033[1;31m{}\033[0m", s) : std::string(s); }
  std::string blue(std::string_view s) const { return on ? fmt::format("\033[34m{}\033[0m", s) : std::string(s); }
  std::string green(std::string_view s) const { return on ? fmt::format("\033[32m{}\033[0m", s) : std::string(s); }
  std::string bold(std::string_view s) const { return on ? fmt::format("\033[1m{}\033[0m", s) : std::string(s); }
};

// The labels of one line of one source, drawn below that line.
struct Snippet {
  const Source* source;
  int line;
  struct Mark {
    int begin, end;  // columns from 0
    const std::string* text;
  };
  std::vector<Mark> marks;
};

std::vector<Snippet> snippets_of(const Diagnostic& d) {
  std::vector<Snippet> out;
  for (const Label& label : d.labels) {
    if (!label.source) continue;
    const LineColumn from = line_column(*label.source, label.span.begin);
    const LineColumn to = line_column(*label.source, label.span.end);
    const int line_end = width(line_text(*label.source, from.line));
    const int begin = from.column - 1;
    const int end = std::max(begin + 1, to.line == from.line ? to.column - 1 : line_end);
    auto place = std::find_if(out.begin(), out.end(), [&](const Snippet& s) {
      return s.source->path == label.source->path && s.source->text == label.source->text && s.line == from.line;
    });
    if (place == out.end()) place = out.insert(out.end(), {label.source.get(), from.line, {}});
    place->marks.push_back({begin, end, &label.text});
  }
  return out;
}

// Without control characters and bytes that are no text.
std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode(text, i);
    if (c.length == 0) {
      if ((text[i] & 0xC0) != 0x80) out += "\xEF\xBF\xBD";  // a byte that is no character takes one column
      ++i;
      continue;
    }
    if (c.code < 0x20 || c.code == 0x7F) out += ' ';
    else out += text.substr(i, c.length);
    i += c.length;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// The bytes of the characters from column `begin` to `end`.
std::string_view columns(std::string_view text, int begin, int end) {
  std::size_t from = text.size(), to = text.size();
  int column = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;
    ++column;
    if (column == begin) from = i;
    if (column == end) to = i;
  }
  return text.substr(from, to - from);
}

// The line of a snippet. Of a long line only the part around the first mark is shown; the marks move along.
std::string shown_line(Snippet& snippet, int widest) {
  const int before = widest / 3;
  const std::string_view text = line_text(*snippet.source, snippet.line);
  const int wide = width(text);
  if (wide <= widest) return visible(text);
  const int begin = std::max(0, snippet.marks[0].begin - before), end = std::min(wide, begin + widest);
  const int shift = begin > 0 ? begin - 1 : 0;  // an ellipsis takes the place of one character
  for (Snippet::Mark& m : snippet.marks) {
    m.begin = std::clamp(m.begin, begin, end - 1) - shift;
    m.end = std::clamp(m.end, begin + 1, end) - shift;
  }
  return (begin > 0 ? "…" : "") + visible(columns(text, begin, end)) + (end < wide ? "…" : "");
}

// Carets under every mark; the text of the last mark stands behind its carets, the others on lines of their own.
void draw_marks(std::string& out, const Snippet& snippet, const std::string& gutter, const Paint& paint) {
  auto marks = snippet.marks;
  std::stable_sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::string carets;
  for (const auto& m : marks) {
    if (static_cast<int>(carets.size()) < m.end) carets.resize(static_cast<std::size_t>(m.end), ' ');
    std::fill(carets.begin() + m.begin, carets.begin() + m.end, '^');
  }
  const bool last_fits = static_cast<int>(carets.size()) == marks.back().end && !marks.back().text->empty();
  out += gutter + paint.red(carets);
  if (last_fits) out += " " + paint.red(*marks.back().text);
  out += "\n";
  const std::size_t rest = marks.size() - (last_fits ? 1 : 0);
  for (std::size_t i = rest; i-- > 0;) {
    if (marks[i].text->empty()) continue;
    out += gutter + std::string(static_cast<std::size_t>(marks[i].begin), ' ') + paint.red(*marks[i].text) + "\n";
  }
}

// What goes on after the first line of a wrapped text keeps its colour.
std::string painted_title(const Diagnostic& d, const Paint& paint, int columns) {
  const std::string head = fmt::format("error[{}]", code_name(d.code));
  const std::string text = wrapped(head + ": " + d.message, columns);
  return paint.red(head) + paint.bold(text.substr(std::min(head.size(), text.size()))) + "\n";
}

std::string render_one(const Diagnostic& d, const Paint& paint, int widest, int columns) {
  std::string out = painted_title(d, paint, columns);
  std::vector<Snippet> snippets = snippets_of(d);
  int digits = 4;
  for (const Snippet& s : snippets) digits = std::max(digits, static_cast<int>(fmt::formatted_size("{}", s.line)));
  const std::string bar(static_cast<std::size_t>(digits) + 1, ' ');
  for (std::size_t i = 0; i < snippets.size(); ++i) {
    Snippet& s = snippets[i];
    if (i == 0 || s.source->path != snippets[i - 1].source->path) {
      out += fmt::format("  {} {}:{}:{}\n", paint.blue(i == 0 ? "-->" : ":::"), s.source->path, s.line,
                         s.marks[0].begin + 1);
    }
    const std::string text = shown_line(s, widest);
    out += paint.blue(fmt::format("{:>{}} |", s.line, digits)) + (text.empty() ? "" : " ") + text + "\n";
    draw_marks(out, s, paint.blue(bar + "| "), paint);
  }
  const std::string help = "help: ";
  for (std::size_t i = 0; i < d.help.size(); ++i) {
    const std::string text = wrapped((i == 0 ? help : std::string(help.size(), ' ')) + d.help[i], columns);
    out += (i == 0 ? paint.green(help) : std::string(help.size(), ' ')) + text.substr(std::min(help.size(), text.size())) + "\n";
  }
  return out;
}

}  // namespace

std::string_view code_name(Code code) { return entries[static_cast<std::size_t>(code)].name; }
std::string_view code_title(Code code) { return entries[static_cast<std::size_t>(code)].title; }
std::string_view code_help(Code code) { return trimmed(entries[static_cast<std::size_t>(code)].help); }

bool code_from_name(std::string_view name, Code& code) {
  for (std::size_t i = 0; i < std::size(entries); ++i) {
    if (entries[i].name == name) {
      code = static_cast<Code>(i);
      return true;
    }
  }
  return false;
}

Diagnostic& Diagnostics::error(Code code, std::string message, SourcePtr source, Span span, std::string label) {
  list_.push_back({code, std::move(message), {{std::move(source), span, std::move(label)}}, {}});
  return list_.back();
}

void Diagnostics::sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    const Label &left = a.labels[0], &right = b.labels[0];
    return left.source == right.source && left.span.begin < right.span.begin;
  });
}

std::string render(const Diagnostics& diagnostics, bool colour, int columns) {
  constexpr int widest = 120, least = 20, gutter = 9;  // of a line's text; its number, and ellipses
  const int wide = columns <= 0 ? widest : std::clamp(columns - gutter, least, widest);
  std::string out;
  for (const Diagnostic& d : diagnostics.list()) {
    if (!out.empty()) out += "\n";
    out += render_one(d, Paint{colour}, wide, columns);
  }
  return out;
}

std::string render_json(const Diagnostics& diagnostics) {
  auto list = nlohmann::ordered_json::array();
  for (const Diagnostic& d : diagnostics.list()) {
    nlohmann::ordered_json one = {{"code", code_name(d.code)}, {"title", code_title(d.code)}, {"message", d.message}};
    one["labels"] = nlohmann::ordered_json::array();
    for (const Label& label : d.labels) {
      if (!label.source) continue;
      const LineColumn from = line_column(*label.source, label.span.begin);
      const LineColumn to = line_column(*label.source, label.span.end);
      one["labels"].push_back({{"path", label.source->path},
                               {"line", from.line},
                               {"column", from.column},
                               {"end_line", to.line},
                               {"end_column", to.column},
                               {"text", label.text}});
    }
    one["help"] = d.help;
    list.push_back(std::move(one));
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

SourceError::SourceError(Diagnostics diagnostics)
    : std::runtime_error(render(diagnostics)), diagnostics_(std::move(diagnostics)) {}

}  // namespace eligo::dsl
