// What a user sees of a sweep while it runs: on a terminal a few lines that are written again and again, elsewhere a
// line for each thing that happens.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace eligo {

class Overview {
 public:
  // Quiet: nothing is shown at all.
  Overview(std::FILE* out, bool quiet);
  ~Overview() { clear(); }
  Overview(const Overview&) = delete;
  Overview& operator=(const Overview&) = delete;

  // A line that stays.
  void line(const std::string& text);
  // How things stand; shown on a terminal alone, a few times a second at most.
  void show(const std::vector<std::string>& lines);

 private:
  void clear();

  std::FILE* out_;
  bool quiet_, terminal_;
  std::size_t shown_ = 0;  // lines on the terminal
  std::chrono::steady_clock::time_point last_;
};

}  // namespace eligo
