#include "support/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

#include "support/error.h"
#include "support/utf8.h"

namespace eligo {
namespace {

constexpr int narrowest = 20;  // narrower than that nothing is readable anyhow

// The bytes of the first `width` characters.
std::size_t bytes_of(std::string_view text, int width) {
  std::size_t at = 0;
  for (int shown = 0; at < text.size(); ++at)
    if ((text[at] & 0xC0) != 0x80 && shown++ == width) break;
  return at;
}

void wrap_line(std::string_view line, int width, std::string& out) {
  const std::size_t own = std::min(line.find_first_not_of(' '), line.size());
  const std::string indent(std::min(own + 4, static_cast<std::size_t>(width) / 2), ' ');
  bool first = true;
  while (dsl::width(line) > (first ? width : width - static_cast<int>(indent.size()))) {
    const std::size_t most = bytes_of(line, first ? width : width - static_cast<int>(indent.size()));
    const std::size_t from = first ? own : 0;
    std::size_t end = line[most] == ' ' ? most : line.rfind(' ', most);
    if (end == std::string_view::npos || end <= from) end = std::min(line.find(' ', most), line.size());  // a long word
    std::string_view piece = line.substr(0, end);
    while (piece.ends_with(' ')) piece.remove_suffix(1);
    out += (first ? "" : indent) + std::string(piece) + "\n";
    line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
    first = false;
  }
  if (!line.empty() || first) out += (first ? "" : indent) + std::string(line) + "\n";
}

}  // namespace

int columns(std::FILE* file) {
  if (isatty(fileno(file)) == 0) return 0;
  if (const char* set = std::getenv("COLUMNS")) {
    int number = 0;
    const char* const end = set + std::strlen(set);
    const auto read = std::from_chars(set, end, number);
    if (read.ec == std::errc{} && read.ptr == end && number > 0) return std::max(number, narrowest);
  }
  winsize size{};
  if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return std::max<int>(size.ws_col, narrowest);
}

bool coloured(std::FILE* file) {
  const char* const refused = std::getenv("NO_COLOR");
  const char* const kind = std::getenv("TERM");
  return isatty(fileno(file)) != 0 && !(refused && *refused) && !(kind && std::string_view(kind) == "dumb");
}

std::string wrapped(const std::string& text, int width) {
  if (width <= 0) return text;
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    wrap_line(std::string_view(text).substr(begin, end - begin), width, out);
    begin = end + 1;
  }
  if (!text.ends_with('\n') && !out.empty()) out.pop_back();
  return out;
}

std::string cut_to_width(const std::string& text, int width) { return text.substr(0, bytes_of(text, width)); }

// A name or a comment of a file may hold what would steer the terminal.
std::string without_controls(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const dsl::Character c = dsl::decode(text, i);
    const std::size_t length = std::max<std::size_t>(c.length, 1);
    const bool control = c.length > 0 && ((c.code < 0x20 && c.code != '\n' && c.code != '\t') || (c.code >= 0x7F && c.code < 0xA0));
    out += control ? "?" : text.substr(i, length);
    i += length;
  }
  return out;
}

void say(const std::string& text) {
  const int width = columns(stdout);
  const std::string shown = width > 0 ? wrapped(without_controls(text), width) : text;
  errno = 0;
  if (std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size()) throw OutputLost{errno};
}

void write_result(const std::string& path, const std::string& text) {
  errno = 0;
  if (path.empty() || path == "-") {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) throw OutputLost{errno};
    return;
  }
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) throw Error(fmt::format("{}: cannot be written: {}", path, errno != 0 ? std::strerror(errno) : "write error"));
}

void complain(const std::string& text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw OutputLost{errno};
}

}  // namespace eligo
