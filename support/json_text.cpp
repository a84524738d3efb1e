#include "support/json_text.h"

#include <fmt/core.h>

#include <set>
#include <vector>

#include "support/error.h"
#include "support/text_file.h"

namespace eligo {
namespace {

using json = nlohmann::json;

// The library's text without the name of its exception: "[json.exception.parse_error.101] parse error at line 2, …".
std::string message_of(const json::exception& e) {
  const std::string text = e.what();
  const std::size_t end = text.starts_with('[') ? text.find("] ") : std::string::npos;
  return end == std::string::npos ? text : text.substr(end + 2);
}

// Called at each beginning, end and name of what is being read.
class Bounds {
 public:
  explicit Bounds(const std::string& path) : path_(path) {}

  bool operator()(int depth, json::parse_event_t event, const json& value) {
    const bool opens = event == json::parse_event_t::array_start || event == json::parse_event_t::object_start;
    if (opens && depth >= json_max_depth)
      throw Error(fmt::format("{}: lists and objects are nested more than {} deep", path_, json_max_depth));
    if (event == json::parse_event_t::object_start) names_.emplace_back();
    if (event == json::parse_event_t::object_end) names_.pop_back();
    if (event == json::parse_event_t::key && !names_.back().insert(value.get<std::string>()).second)
      throw Error(fmt::format("{}: \"{}\" is given twice in one object", path_, value.get<std::string>()));
    return true;
  }

 private:
  const std::string& path_;
  std::vector<std::set<std::string>> names_;
};

}  // namespace

json parse_json(const std::string& text, const std::string& path) {
  Bounds bounds(path);
  try {
    return json::parse(text, [&](int depth, json::parse_event_t event, json& value) {
      return bounds(depth, event, value);
    });
  } catch (const json::out_of_range& e) {
    throw Error(fmt::format("{}: {}; the largest number is about 1.8e308", path, message_of(e)));
  } catch (const json::exception& e) {
    throw Error(fmt::format("{}: not JSON: {}", path, message_of(e)));
  }
}

json read_json(const std::string& path) { return parse_json(read_text_file(path, json_max_bytes), path); }

}  // namespace eligo
