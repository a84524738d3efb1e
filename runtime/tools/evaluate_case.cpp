#include "runtime/tools/evaluate_case.h"

#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/names.h"
#include "runtime/engine/session.h"
#include "runtime/library/compile.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/synth_roles.h"
#include "runtime/library/warnings.h"
#include "runtime/tools/case_sizes.h"
#include "support/bytes.h"
#include "support/json_text.h"

namespace eligo {
namespace {

using json = nlohmann::json;

constexpr std::string_view start_word = "[start]";

const std::vector<std::string> fields = {
    "rule", "cell", "readout",   "synth",   "sizes",  "hyper", "dtype",     "window", "schedule", "backend", "values",
    "x",    "y",    "loss_mask", "lengths", "update", "show",  "optimiser", "cpu",    "threads",  "seed",    "memory",
    "valid"};

// Names that a case may show. Each is an equation of its own to compile and a list of numbers to write.
constexpr std::size_t most_shown = 256;

// A value in a message, not longer than anyone reads.
std::string found(const json& value) {
  constexpr std::size_t most = 60;
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::size_t end = std::min(text.size(), most);
  while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  return end == text.size() ? text : text.substr(0, end) + "…";
}

void check_fields(const json& input) {
  if (!input.is_object()) throw Error("a case is a JSON object");
  for (const auto& [key, value] : input.items()) {
    if (std::find(fields.begin(), fields.end(), key) != fields.end()) continue;
    const std::string near = dsl::nearest(key, fields);
    throw Error(fmt::format("a case has no field \"{}\"{}", key,
                            near.empty() ? "" : fmt::format(": did you mean \"{}\"?", near)));
  }
}

std::string text(const json& input, const char* field, const std::string& otherwise) {
  auto found = input.find(field);
  if (found == input.end() || found->is_null()) return otherwise;
  if (!found->is_string()) throw Error(fmt::format("\"{}\" must be a text", field));
  constexpr std::size_t longest = 4096;
  if (found->get_ref<const std::string&>().size() > longest)
    throw Error(fmt::format("\"{}\" has more than {} characters", field, longest));
  return found->get<std::string>();
}

// Nested lists of numbers, row-major; every list of a level must have the same length.
void flatten(const json& value, const std::string& field, std::vector<std::int64_t>& shape, std::size_t level,
             std::vector<double>& out) {
  if (value.is_number()) {
    if (level != shape.size()) throw Error(fmt::format("\"{}\": the lists are not of one depth", field));
    out.push_back(value.get<double>());
    return;
  }
  if (value.is_boolean()) {
    out.push_back(value.get<bool>() ? 1 : 0);
    return;
  }
  if (!value.is_array()) throw Error(fmt::format("\"{}\" must hold numbers only, found {}", field, found(value)));
  const auto length = static_cast<std::int64_t>(value.size());
  if (level == shape.size()) {
    if (!out.empty()) throw Error(fmt::format("\"{}\": the lists are not of one depth", field));
    shape.push_back(length);
  } else if (shape[level] != length) {
    throw Error(fmt::format("\"{}\": a list of {} among lists of {}", field, length, shape[level]));
  }
  for (const json& item : value) flatten(item, field, shape, level + 1, out);
}

std::vector<double> numbers(const json& value, const std::string& field, std::vector<std::int64_t>* shape = nullptr) {
  std::vector<std::int64_t> found;
  std::vector<double> out;
  flatten(value, field, found, 0, out);
  if (shape) *shape = found;
  return out;
}

json nested(const std::vector<double>& values, const std::vector<std::int64_t>& shape, std::size_t level,
            std::size_t& at) {
  if (level == shape.size()) {
    return number_json(values[at++]);
  }
  json list = json::array();
  for (std::int64_t i = 0; i < shape[level]; ++i) list.push_back(nested(values, shape, level + 1, at));
  return list;
}

json nested(const std::vector<double>& values, const std::vector<std::int64_t>& shape) {
  std::size_t at = 0;
  return nested(values, shape, 0, at);
}

std::int64_t integer(const json& value, const std::string& field, std::int64_t low = INT64_MIN,
                     std::int64_t high = INT64_MAX) {
  if (!value.is_number()) throw Error(fmt::format("\"{}\" must be an integer, found {}", field, found(value)));
  const bool fits = value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
  if (!value.is_number_integer() && std::abs(value.get<double>()) < 0x1p63)
    throw Error(fmt::format("\"{}\" must be an integer, found {}", field, found(value)));
  if (fits && value.get<std::int64_t>() >= low && value.get<std::int64_t>() <= high) return value.get<std::int64_t>();
  throw Error(fmt::format("\"{}\" is {}, which is out of range: expected an integer from {} to {}", field, found(value), low,
                          high));
}

std::int64_t window_of(const json& value) {
  if (!value.is_string()) return integer(value, "window");
  if (value == "all") return -1;
  throw Error(fmt::format("\"window\" must be an integer or \"all\", found {}", found(value)));
}

double number(const json& value, const std::string& field) {
  if (!value.is_number()) throw Error(fmt::format("\"{}\" must be a number, found {}", field, found(value)));
  return value.get<double>();
}

// Names may be spelt in Greek or in words, but each of them once.
const json& object(const json& input, const char* field) {
  static const json empty = json::object();
  auto found = input.find(field);
  if (found == input.end() || found->is_null()) return empty;
  if (!found->is_object()) throw Error(fmt::format("\"{}\" must be an object", field));
  std::map<std::string, std::string> spelt;
  for (const auto& [name, value] : found->items())
    if (const auto [other, fresh] = spelt.emplace(dsl::canonical(name), name); !fresh)
      throw Error(fmt::format("\"{}\" has {} and {}, which are one name: give it once", field, other->second, name));
  return *found;
}

// A text, or an object of one part a role.
std::string synth_text(const json& input) {
  auto found = input.find("synth");
  if (found == input.end() || !found->is_object()) return text(input, "synth", "");
  SynthRoles roles;
  for (const auto& [role, part] : found->items()) {
    if (!part.is_string()) throw Error(fmt::format("\"synth.{}\" must be a text", role));
    roles.named.emplace_back(dsl::canonical(role), part.get<std::string>());
  }
  return roles.text();
}

// "update ψ": values after each update, which the program need not know of.
constexpr std::string_view updates = "update ";

std::vector<std::string> shown_names(const json& input) {
  std::vector<std::string> names;
  auto s = input.find("show");
  if (s == input.end() || s->is_null()) return names;
  if (!s->is_array()) throw Error("\"show\" must be a list of names");
  if (s->size() > most_shown)
    throw Error(fmt::format("\"show\" names {} values, expected {} at most: show the others by another case", s->size(),
                            most_shown));
  for (const json& name : *s) {
    if (!name.is_string()) throw Error("\"show\" must be a list of names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

// Whole numbers of the rule's header may stand among its hypers.
void read_header_numbers(const json& hypers, ProgramSpec& spec) {
  if (hypers.empty()) return;
  const std::vector<std::string> known = outline(spec.rule, "rule", spec.rule_paths).integers;
  for (const auto& [name, value] : hypers.items())
    if (std::find(known.begin(), known.end(), dsl::canonical(name)) != known.end())
      spec.header[dsl::canonical(name)] = value == "all" ? -1 : integer(value, "hyper." + name);
}

ProgramSpec specification(const json& input, const std::vector<std::string>& folders) {
  ProgramSpec spec;
  spec.rule = text(input, "rule", "");
  if (spec.rule.empty()) throw Error("a case needs a \"rule\"");
  spec.cell = text(input, "cell", "");
  spec.readout = text(input, "readout", "");
  spec.synth = synth_text(input);
  spec.optimiser = text(input, "optimiser", "sgd");
  spec.cpu = text(input, "cpu", "native");
  spec.rule_paths = folders;
  const std::string dtype = text(input, "dtype", "f64");
  if (dtype != "f64" && dtype != "f32")
    throw Error(fmt::format("\"dtype\" is \"f64\" or \"f32\", found \"{}\"", dtype));
  spec.float64 = dtype == "f64";
  const std::string backend = text(input, "backend", "jit");
  if (backend != "jit" && backend != "interpreter")
    throw Error(fmt::format("\"backend\" is \"jit\" or \"interpreter\", found \"{}\"", backend));
  spec.interpreter = backend == "interpreter";
  if (spec.interpreter && !spec.float64) throw Error("the interpreter computes in f64 only");
  for (const auto& [name, value] : object(input, "sizes").items()) spec.sizes[name] = integer(value, "sizes." + name, 1);
  if (auto w = input.find("window"); w != input.end() && !w->is_null())
    spec.header["n"] = window_of(*w);
  read_header_numbers(object(input, "hyper"), spec);
  for (const auto& [name, value] : object(input, "schedule").items()) {
    if (!value.is_string()) throw Error(fmt::format("\"schedule.{}\" must be a text", name));
    spec.schedule[name] = value.get<std::string>();
  }
  for (const std::string& name : shown_names(input))
    if (!name.starts_with(updates)) spec.show.push_back(name);
  spec.valid = input.contains("valid") && !input["valid"].is_null();
  for (const auto& [name, value] : object(input, "values").items())  // not a cell's state, which has its role's name
    if (name.ends_with(start_word) && name.find('.') == std::string::npos)
      spec.starts.push_back(name.substr(0, name.size() - start_word.size()));
  const std::string every = text(object(input, "update"), "every", "sequence");
  if (every == "step") spec.update = Update::step;
  else if (every == "window") spec.update = Update::window;
  else if (every != "sequence")
    throw Error(fmt::format("\"update.every\" is step, window or sequence, found \"{}\"", every));
  return spec;
}

Batch batch_of(const json& input) {
  Batch batch;
  auto x = input.find("x");
  if (x == input.end()) throw Error("a case needs its inputs \"x\": [T][B][m]");
  std::vector<std::int64_t> shape;
  batch.x = numbers(*x, "x", &shape);
  if (shape.empty() || shape[0] == 0) throw Error("\"x\" must be [T][B][m]: here are no steps");
  if (shape.size() < 2) throw Error("\"x\" must be [T][B][m]");
  if (shape[1] == 0) throw Error("\"x\" must be [T][B][m]: here are no examples, expected one at least");
  batch.steps = shape[0];
  batch.examples = shape[1];
  auto leads = [&](const char* field, const std::vector<std::int64_t>& s) {
    if (s.size() < 2 || s[0] != batch.steps || s[1] != batch.examples)
      throw Error(fmt::format("\"{}\" must be [{}][{}]…, as \"x\" is", field, batch.steps, batch.examples));
  };
  if (auto y = input.find("y"); y != input.end() && !y->is_null()) {
    batch.y = numbers(*y, "y", &shape);
    leads("y", shape);
  }
  if (auto mask = input.find("loss_mask"); mask != input.end() && !mask->is_null()) {
    batch.loss_mask = numbers(*mask, "loss_mask", &shape);
    leads("loss_mask", shape);
  }
  if (auto valid = input.find("valid"); valid != input.end() && !valid->is_null()) {
    batch.valid = numbers(*valid, "valid", &shape);
    leads("valid", shape);
  }
  if (auto lengths = input.find("lengths"); lengths != input.end() && !lengths->is_null()) {
    if (!lengths->is_array()) throw Error(fmt::format("\"lengths\" must be a list of integers, found {}", found(*lengths)));
    for (const json& l : *lengths) batch.lengths.push_back(integer(l, "lengths"));
  }
  return batch;
}

void check_update(const json& input) {
  for (const auto& [key, value] : object(input, "update").items())
    if (key != "every" && key != "sgd") {
      const std::string near = dsl::nearest(key, {"every", "sgd"});
      throw Error(fmt::format("\"update\" has no field \"{}\"{}", key,
                              near.empty() ? ", only \"every\" and \"sgd\"" : fmt::format(": did you mean \"{}\"?", near)));
    }
  const json& hyper = object(input, "hyper");
  for (const auto& [name, value] : hyper.items()) {
    const std::string known = dsl::canonical(name);
    if (known.starts_with("optimiser.") && known.ends_with(".α") && object(input, "update").contains("sgd"))
      throw Error(fmt::format("\"update.sgd\" and \"hyper.{}\" are both the rate: give one of them", name));
    if (known == "n" && input.contains("window") && !input["window"].is_null())
      throw Error("\"window\" and \"hyper.n\" are both the rule's n: give one of them");
  }
}

void set_rates(Session& session, const json& update) {
  auto sgd = update.find("sgd");
  if (sgd == update.end() || sgd->is_null()) {
    session.set_hyper("optimiser.α", 0);
  } else if (sgd->is_object()) {
    session.set_hyper("optimiser.α", 0);
    for (const auto& [bundle, rate] : object(update, "sgd").items())
      session.set_hyper("optimiser." + bundle + ".α", number(rate, "update.sgd." + bundle));
  } else {
    session.set_hyper("optimiser.α", number(*sgd, "update.sgd"));
  }
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, "][")); }

// Parameters, initial states and the like are the session's, draws and starts of recurrences the batch's.
void set_values(Session& session, const json& values, Batch& batch) {
  const std::vector<TensorInfo> of_batch = session.givable();
  for (const auto& [name, value] : values.items()) {
    std::vector<std::int64_t> shape;
    const std::vector<double> given = numbers(value, "values." + name, &shape);
    const std::string start = dsl::canonical(name.substr(0, name.find('['))) + std::string(start_word);
    const std::string known_as = name.ends_with(start_word) ? start : dsl::canonical(name);
    const auto found = std::find_if(of_batch.begin(), of_batch.end(),
                                    [&](const TensorInfo& info) { return info.name == known_as; });
    if (found != of_batch.end()) {
      std::vector<std::int64_t> wanted = {batch.examples};
      if (!name.ends_with(start_word)) wanted.insert(wanted.begin(), batch.steps);
      wanted.insert(wanted.end(), found->shape.begin(), found->shape.end());
      if (shape != wanted)
        throw Error(fmt::format("\"values.{}\" has the shape {}, {} of this batch has {}", name, shape_text(shape),
                                found->name, shape_text(wanted)));
      batch.given[found->name] = given;
      continue;
    }
    for (const TensorInfo& info : session.tensors()) {
      if (info.name != known_as) continue;
      const bool of_start = name.ends_with(start_word);
      const std::vector<std::int64_t> of_one(info.shape.begin() + (of_start ? 1 : 0), info.shape.end());
      if (shape == info.shape || (of_start && shape == of_one) || (info.shape.empty() && given.size() == 1)) continue;
      throw Error(fmt::format("\"values.{}\" has the shape {}, {} has {}{}", name, shape_text(shape), info.name,
                              shape_text(info.shape),
                              of_start ? fmt::format(", or {} for all examples", shape_text(of_one)) : ""));
    }
    session.set(name, given);
  }
}

// "ψ.W": the bundle that the rule learns it as, then its name.
std::string learned_key(const TensorInfo& info) {
  return info.bundle.find('.') == std::string::npos ? info.bundle + info.name.substr(info.name.find('.')) : info.name;
}

// The learned parameters that "update ψ" or "update net.W" means.
std::vector<TensorInfo> updated(const Session& session, const std::string& shown) {
  const std::string name = dsl::canonical(shown.substr(updates.size()));
  std::vector<TensorInfo> found;
  std::vector<std::string> names;
  for (const TensorInfo& info : session.tensors()) {
    if (info.bundle.empty()) continue;
    names.insert(names.end(), {info.bundle, info.name});
    if (info.bundle == name || info.name == name) found.push_back(info);
  }
  if (!found.empty()) return found;
  const std::string near = dsl::nearest(name, names);
  throw Error(fmt::format("\"show\": nothing is learned as {}{}", name,
                          near.empty() ? "" : fmt::format(": did you mean \"update {}\"?", near)));
}

// What `show` asks for, by name.
json shown_values(const Session& session, const std::string& name, const std::vector<TensorInfo>& tensors,
                  std::int64_t examples) {
  const auto by_step = [&](const Session::Shown& shown) {
    std::vector<std::int64_t> shape = {shown.rows, examples};
    shape.insert(shape.end(), shown.shape.begin(), shown.shape.end());
    return nested(shown.values, shape);
  };
  json out;
  if (name.starts_with(updates)) {
    for (const TensorInfo& info : updated(session, name)) {
      json& rows = out[learned_key(info)] = json::array();
      for (const std::vector<double>& values : session.after_updates(info.name))
        rows.push_back(nested(values, info.shape));
    }
  } else if (name.starts_with("learn ")) {
    const auto parameters = session.shown_line(name);
    for (const TensorInfo& info : tensors)
      if (auto shown = parameters.find(info.name); shown != parameters.end())
        out[learned_key(info)] = by_step(shown->second);
  } else {
    out = by_step(session.shown(name));
  }
  return out;
}

std::uint64_t memory_of(const json& value) {
  const bool whole = value.is_string() || value.is_number_integer();
  const auto bytes = whole ? read_bytes(value.is_string() ? value.get<std::string>() : found(value)) : std::nullopt;
  if (!bytes) throw Error(fmt::format("\"memory\" is {}: expected an amount such as \"2GiB\"", found(value)));
  return *bytes;
}

}  // namespace

json evaluate_case(const json& input, const std::vector<std::string>& rule_folders) {
  check_fields(input);
  check_update(input);
  ProgramSpec spec = specification(input, rule_folders);
  check_case_sizes(spec);
  Batch batch = batch_of(input);
  spec.batch_hint = batch.examples;
  spec.steps_hint = batch.steps;
  spec.online = false;
  SessionOptions options;
  options.batch = batch.examples;
  options.steps = batch.steps;
  if (auto t = input.find("threads"); t != input.end()) options.threads = static_cast<int>(integer(*t, "threads", 1, 1024));
  if (auto m = input.find("memory"); m != input.end()) spec.memory = options.memory = memory_of(*m);
  if (auto s = input.find("seed"); s != input.end()) options.seed = static_cast<std::uint64_t>(integer(*s, "seed", 0));
  Session session(compile(spec), options);
  if (spec.optimiser == "sgd") set_rates(session, object(input, "update"));
  else if (object(input, "update").contains("sgd"))
    throw Error(fmt::format("\"update.sgd\" is the rate of sgd, but the optimiser is {}: set its hypers by \"hyper\"",
                            spec.optimiser));
  for (const auto& [name, value] : object(input, "hyper").items())
    if (!spec.header.contains(dsl::canonical(name))) session.set_hyper(name, number(value, "hyper." + name));
  set_values(session, object(input, "values"), batch);
  const std::vector<std::string> shown = shown_names(input);
  for (const std::string& name : shown)
    if (name.starts_with(updates))
      for (const TensorInfo& info : updated(session, name)) session.keep_updates(info.name);
  const RunResult result = session.run(batch);

  json out;
  if (const auto notes = hidden_parts(spec); !notes.empty()) out["notes"] = notes;
  out["loss"] = number_json(result.loss);
  if (std::any_of(spec.schedule.begin(), spec.schedule.end(),
                  [](const auto& entry) { return entry.second.starts_with("approximate"); }))
    out["left_out"] = number_json(result.left_out);
  out["steps"] = json::object();
  for (const std::string& name : shown) out["steps"][name] = shown_values(session, name, session.tensors(), batch.examples);
  out["learn"] = json::object();
  out["values"] = json::object();
  for (const TensorInfo& info : session.tensors()) {
    if (!info.bundle.empty()) out["learn"][learned_key(info)] = nested(session.gathered(info.name), info.shape);
    out["values"][info.name] = nested(session.get(info.name), info.shape);
  }
  return out;
}

}  // namespace eligo
