#include "runtime/cli/model_options.h"
#include "support/bytes.h"

#include <charconv>
#include <cstdint>
#include <cmath>

#include <fmt/core.h>

namespace eligo::cli {
namespace {

// Both sides of "name=value"; an empty name where that is not its form.
std::pair<std::string, std::string> split(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return {};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

template <typename Number>
bool read_number(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc{} && read.ptr == end;
}

}  // namespace

CLI::Validator whole(std::int64_t low, std::int64_t high) {
  return CLI::Validator(
      [=](std::string& text) {
        std::int64_t value = 0;
        if (read_number(text, value) && value >= low && value <= high) return std::string();
        return fmt::format("{} is no whole number from {} to {}", text, low, high);
      },
      fmt::format("INT in [{} - {}]", low, high));
}

CLI::Validator window_steps() {
  return CLI::Validator(
      [](std::string& text) {
        std::int64_t value = 0;
        if (read_number(text, value) && (value == -1 || (value >= 1 && value <= INT32_MAX))) return std::string();
        return fmt::format("{} is no number of steps: expected a whole number from 1 on, or -1 for all", text);
      },
      "INT");
}

std::pair<std::string, std::int64_t> read_size(const std::string& text) {
  const auto [name, value] = split(text);
  std::int64_t size = 0;
  if (name.empty() || !read_number(value, size) || size <= 0)
    throw Error(fmt::format("--size {}: expected a name and a whole number, such as n=30", text));
  return {name, size};
}

ProgramSpec ModelOptions::spec() const {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  spec.readout = readout;
  spec.synth = synth;
  spec.optimiser = optimiser;
  for (const auto& text : sizes) spec.sizes.insert(read_size(text));
  if (window != 0) spec.header["n"] = window;
  for (const auto& text : schedules) spec.schedule.insert(read_schedule(text));
  spec.update = update == "step" ? Update::step : update == "window" ? Update::window : Update::sequence;
  spec.float64 = dtype == "f64";
  spec.cpu = cpu;
  spec.rule_paths = rule_folders;
  return spec;
}

void add_rules_option(CLI::App* verb, std::vector<std::string>& folders) {
  verb->add_option("--rules", folders, "A folder of rule files, searched before the library")->allow_extra_args(false);
}

CLI::Option* add_schedule_option(CLI::App* verb, std::vector<std::string>& schedules) {
  return verb
      ->add_option(
          "--schedule", schedules,
          "How a recurrence is computed: e=dense, e=replay, e=reverse, e=auto; without e= for all (may be repeated)")
      ->allow_extra_args(false);
}

void add_rule_options(CLI::App* verb, ModelOptions& o) {
  verb->add_option("rule", o.rule, "A rule's name, or file.eli:name")->required();
  verb->add_option("--cell", o.cell, "Its cell");
  verb->add_option("--readout", o.readout, "Its readout");
  verb->add_option("--synth", o.synth, "Its synthesiser; for several roles g=linear,fb=feedback");
  verb->add_option("--size", o.sizes, "A size: n=30 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--window", o.window, "The rule's n; -1 is all")->check(window_steps());
  add_schedule_option(verb, o.schedules);
  add_rules_option(verb, o.rule_folders);
}

void add_compile_options(CLI::App* verb, ModelOptions& o) {
  verb->add_option("--optimiser", o.optimiser, "Its optimiser")->capture_default_str();
  verb->add_option("--dtype", o.dtype, "f32 or f64")->check(CLI::IsMember({"f32", "f64"}))->capture_default_str();
  verb->add_option("--cpu", o.cpu, "native, avx512, avx2, baseline or a name that LLVM knows")->capture_default_str();
  verb->add_option("--update", o.update, "step, window or sequence")
      ->check(CLI::IsMember({"step", "window", "sequence"}))
      ->capture_default_str();
}

std::pair<std::string, std::string> read_schedule(const std::string& text) {
  if (text.find('=') == std::string::npos && !text.empty()) return {"", text};
  auto parts = split(text);
  if (parts.first.empty() || parts.second.empty())
    throw Error(fmt::format("--schedule {}: expected a recurrence and a word, such as e=reverse", text));
  return parts;
}

std::vector<std::pair<std::string, double>> read_hypers(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, double>> hypers;
  for (const auto& text : texts) {
    const auto [name, value] = split(text);
    double number = 0;
    if (name.empty() || !read_number(value, number))
      throw Error(fmt::format("--hyper {}: expected a name and a number, such as lambda=0.5", text));
    hypers.emplace_back(name, number);
  }
  return hypers;
}

std::uint64_t memory_option(const std::string& text) {
  if (const auto bytes = read_bytes(text)) return *bytes;
  throw Error(fmt::format("--memory {}: expected an amount of memory, such as 2GiB or 500MB", text));
}

}  // namespace eligo::cli
