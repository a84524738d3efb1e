#include "runtime/experiment/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cmath>

#include "support/terminal.h"

namespace eligo {
namespace {

int terminal_width(std::FILE* out) {
  const int width = columns(out);
  return width > 0 ? width : 100;
}

}  // namespace

Progress::Progress(std::FILE* out, bool quiet)
    : out_(out), quiet_(quiet), terminal_(isatty(fileno(out)) != 0), last_(std::chrono::steady_clock::now()) {}

bool Progress::due() const {
  if (quiet_) return false;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - last_;
  return passed.count() >= (terminal_ ? 0.1 : 5.0);
}

void Progress::update(const std::string& state) {
  if (!due()) return;
  last_ = std::chrono::steady_clock::now();
  if (terminal_) {
    fmt::print(out_, "\r\033[K{}", cut_to_width(state, terminal_width(out_) - 1));
    pending_ = true;
  } else {
    fmt::print(out_, "{}\n", state);
  }
  std::fflush(out_);
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear();
  fmt::print(out_, "{}\n", terminal_ ? wrapped(without_controls(text), columns(out_)) : text);
  std::fflush(out_);
  last_ = std::chrono::steady_clock::now();
}

void Progress::warn(const std::string& text) {
  clear();
  fmt::print(stderr, "warning: {}\n", text);
}

void Progress::clear() {
  if (pending_) fmt::print(out_, "\r\033[K");
  if (pending_) std::fflush(out_);
  pending_ = false;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace eligo
