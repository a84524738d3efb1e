// A finished benchmark, and its forms: tables as text or Markdown, JSON, and a picture.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/compile_latency.h"
#include "bench/measure.h"
#include "bench/scaling.h"
#include "bench/suite.h"

namespace eligo::bench {

struct Reached {
  std::string what;  // "sequential MNIST, BPTT: times faster than torch"
  double at_least = 0;
  double reached = 0;  // 0: not measured
  bool share = false;  // of the peak, otherwise a factor
};

struct Report {
  Machine machine;
  std::vector<std::string> versions;  // of the peers, and what is missing
  std::vector<Row> rows;
  std::vector<Reached> goals;
  std::vector<Length> lengths;
  std::vector<CompileLatency> compiles;
};

// What the rows come to against the goals of their entries.
std::vector<Reached> reached(const std::vector<Entry>& entries, const std::vector<Row>& rows);

enum class Form { text, markdown };
std::string row_table(const std::vector<Row>& rows, Form form);
std::string goal_table(const std::vector<Reached>& goals, Form form);
std::string phase_table(const std::vector<Row>& rows, Form form);
std::string length_table(const std::vector<Length>& lengths, Form form);
std::string compile_table(const std::vector<CompileLatency>& compiles, Form form);
std::string text(const Report& report, Form form);
nlohmann::json to_json(const Report& report);

// Bars of how many times faster eligo is than each peer; SVG or PNG by the name's end. Throws eligo::Error.
void write_picture(const Report& report, const std::string& path);

}  // namespace eligo::bench
