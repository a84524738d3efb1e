#include "runtime/experiment/run_facts.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <thread>

#include "support/available.h"
#include "support/error.h"
#include "support/files.h"
#include "support/json_text.h"
#include "support/machine.h"
#include "support/text_file.h"

namespace eligo {
namespace {

using json = nlohmann::ordered_json;

constexpr std::uint64_t kLargest = 16u << 20;  // of the file

// Fields of an object, each of the type that it must have.
class Reader {
 public:
  Reader(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("", "an object");
  }
  std::string text(const char* name) const {
    if (!object_.contains(name)) return "";
    if (!object_[name].is_string()) fail(name, "a text");
    return object_[name].get<std::string>();
  }
  std::uint64_t count(const char* name) const {
    if (!object_.contains(name)) return 0;
    if (!object_[name].is_number_unsigned()) fail(name, "a whole number from 0 on");
    return object_[name].get<std::uint64_t>();
  }
  bool flag(const char* name) const {
    if (!object_.contains(name)) return false;
    if (!object_[name].is_boolean()) fail(name, "true or false");
    return object_[name].get<bool>();
  }
  std::vector<Reader> list(const char* name) const {
    std::vector<Reader> entries;
    if (!object_.contains(name)) return entries;
    if (!object_[name].is_array()) fail(name, "a list");
    for (const auto& entry : object_[name]) entries.emplace_back(entry, fmt::format("{} {}", where_, name));
    return entries;
  }

 private:
  [[noreturn]] void fail(const std::string& name, const char* expected) const {
    throw Error(fmt::format("{}:{} is not {}; remove the file, no training depends on it", where_,
                            name.empty() ? " an entry" : " " + name, expected));
  }
  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace

std::string time_text() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

RunFacts::Stretch begin_stretch(std::uint64_t threads) {
  RunFacts::Stretch now;
  now.version = ELIGO_VERSION;
  now.processor = processor_name();
  now.system = system_name();
  now.cores = std::max(1U, std::thread::hardware_concurrency());
  now.memory = machine_memory();
  now.threads = threads;
  now.began = now.ended = time_text();
  return now;
}

RunFacts read_run_facts(const std::string& path) {
  RunFacts facts;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return facts;
  const nlohmann::json text = parse_json(read_plain_file(path, kLargest), path);
  const Reader file(text, path);
  facts.task = file.text("task");
  facts.score = file.text("score");
  facts.score_is_share = file.flag("score_is_share");
  facts.level = file.text("level");
  for (const Reader& s : file.list("stretches"))
    facts.stretches.push_back({s.text("version"), s.text("processor"), s.text("system"), s.count("cores"),
                               s.count("memory"), s.count("threads"), s.text("began"), s.text("ended")});
  for (const Reader& v : file.list("variants"))
    facts.variants.push_back({v.text("name"), v.count("parameters"), v.count("session_bytes")});
  return facts;
}

void write_run_facts(const std::string& path, const RunFacts& facts) {
  json file = {{"task", facts.task}, {"score", facts.score}, {"score_is_share", facts.score_is_share}};
  if (!facts.level.empty()) file["level"] = facts.level;
  file["stretches"] = json::array();
  for (const auto& s : facts.stretches)
    file["stretches"].push_back({{"version", s.version},
                                 {"processor", s.processor},
                                 {"system", s.system},
                                 {"cores", s.cores},
                                 {"memory", s.memory},
                                 {"threads", s.threads},
                                 {"began", s.began},
                                 {"ended", s.ended}});
  file["variants"] = json::array();
  for (const auto& v : facts.variants)
    file["variants"].push_back({{"name", v.name}, {"parameters", v.parameters}, {"session_bytes", v.session_bytes}});
  write_file_atomically(path, json_text(file, 2));
}

}  // namespace eligo
