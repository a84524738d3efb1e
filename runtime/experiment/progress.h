// What a user sees while something runs: one line that is rewritten on a terminal, plain lines now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

namespace eligo {

class Progress {
 public:
  // Quiet: nothing is shown at all.
  Progress(std::FILE* out, bool quiet);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // The state of things; shown ten times a second at most on a terminal, else every few seconds.
  void update(const std::string& state);
  // A line that stays.
  void line(const std::string& text);
  // A line on the standard error, also where all else is quiet.
  void warn(const std::string& text);
  // Whether an update would be shown now (for callers to whom the text is work).
  bool due() const;

 private:
  void clear();

  std::FILE* out_;
  bool quiet_ = false, terminal_ = false, pending_ = false;
  std::chrono::steady_clock::time_point last_;
};

// "14 s", "3 min 20 s", "2 h 05 min".
std::string duration_text(double seconds);

}  // namespace eligo
