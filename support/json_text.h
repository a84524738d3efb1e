// JSON as it is read from files and written for programs.
#pragma once

#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

namespace eligo {

// Bounds of what is read, so that no file can exhaust the stack or the memory.
inline constexpr int json_max_depth = 64;
inline constexpr std::uint64_t json_max_bytes = 256u << 20;

// Throws eligo::Error: no JSON, more than the bounds allow, a number that no double holds, an object with one name twice.
nlohmann::json read_json(const std::string& path);
nlohmann::json parse_json(const std::string& text, const std::string& path);

// JSON has no word for a number that is not finite: the texts "inf", "-inf" and "nan" stand for it.
template <class Json = nlohmann::json>
Json number_json(double x) {
  return std::isfinite(x) ? Json(x) : Json(std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

// All that `json` holds as text, every number written as above (`dump` of the library writes null for those).
template <class Json>
std::string json_text(Json json, int indent) {
  const auto name = [](auto& self, Json& value) -> void {
    if (value.is_structured())
      for (auto& item : value) self(self, item);
    else if (value.is_number_float()) value = number_json<Json>(value.template get<double>());
  };
  name(name, json);
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace eligo
