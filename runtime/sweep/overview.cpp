#include "runtime/sweep/overview.h"

#include <fmt/core.h>
#include <unistd.h>

#include "support/terminal.h"

namespace eligo {

Overview::Overview(std::FILE* out, bool quiet) : out_(out), quiet_(quiet), terminal_(isatty(fileno(out)) != 0) {}

void Overview::line(const std::string& text) {
  if (quiet_) return;
  clear();
  fmt::print(out_, "{}\n", terminal_ ? wrapped(without_controls(text), columns(out_)) : text);
  std::fflush(out_);
}

void Overview::show(const std::vector<std::string>& lines) {
  constexpr std::chrono::milliseconds least(100);
  const auto now = std::chrono::steady_clock::now();
  if (quiet_ || !terminal_ || (shown_ > 0 && now - last_ < least)) return;
  last_ = now;
  clear();
  const int width = columns(out_);
  for (const std::string& text : lines) {
    const std::string clean = without_controls(text);
    fmt::print(out_, "{}\n", width > 0 ? cut_to_width(clean, width - 1) : clean);
  }
  shown_ = lines.size();
  std::fflush(out_);
}

void Overview::clear() {
  if (shown_ > 0) fmt::print(out_, "\033[{}A\r\033[J", shown_);
  shown_ = 0;
}

}  // namespace eligo
