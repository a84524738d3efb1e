#include "support/bytes.h"

#include <charconv>
#include <cmath>
#include <map>

#include <fmt/core.h>

namespace eligo {

std::optional<std::uint64_t> read_bytes(const std::string& text) {
  static const std::map<std::string, double> units = {
      {"", 1},       {"B", 1},      {"kB", 1e3},   {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},
      {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, fault] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (fault != std::errc()) return std::nullopt;
  std::string unit(after, end);
  if (unit.starts_with(' ')) unit.erase(0, 1);
  const auto found = units.find(unit);
  if (found == units.end()) return std::nullopt;
  const double bytes = std::floor(number * found->second);
  if (!(bytes >= 1 && bytes < 9e18)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string readable_bytes(long double bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 6) {
    bytes /= 1024;
    ++unit;
  }
  if (bytes >= 999.5L) return fmt::format("{:.0f} {}", static_cast<double>(bytes), units[unit]);
  return fmt::format("{:.3g} {}", static_cast<double>(bytes), units[unit]);
}

std::string count_text(double count) {
  if (count >= 1e12) return fmt::format("{:.3g} T", count / 1e12);
  if (count >= 1e9) return fmt::format("{:.3g} G", count / 1e9);
  if (count >= 1e6) return fmt::format("{:.3g} M", count / 1e6);
  if (count >= 1e4) return fmt::format("{:.3g} k", count / 1e3);
  return fmt::format("{:.0f}", count);
}

std::string bytes_text(double bytes) {
  const std::string text = count_text(bytes);
  return text.find(' ') == std::string::npos ? text + " B" : text + "B";
}

}  // namespace eligo
