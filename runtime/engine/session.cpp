#include "runtime/engine/session.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>

#include <fmt/core.h>

#include "dsl/names.h"
#include "runtime/engine/batch_check.h"
#include "runtime/engine/initialise.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/program.h"
#include "runtime/engine/sequence.h"

namespace eligo {

using compiler::TensorKind;

struct Session::Impl {
  Impl(std::shared_ptr<const Program> compiled, const SessionOptions& chosen)
      : program(std::move(compiled)), options(chosen), plan(*program->plan), sequence(*program, chosen) {
    std::set<int> assigned;
    for (const compiler::Block& block : plan.blocks)
      if (block.adopt >= 0)
        for (const auto& write : plan.phases[static_cast<std::size_t>(block.adopt)].writes)
          assigned.insert(write.tensor);
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) add_info(static_cast<int>(i), assigned);
    for (const compiler::Shown& s : plan.shown)
      if (s.parameter < 0 && s.name.ends_with(".output") && !is_of_cell(s.name)) readouts.push_back(&s);
    start_values.resize(plan.tensors.size());
    initialise(true);
  }

  // Whether "net.output" is named by the role that has the states.
  bool is_of_cell(const std::string& name) const {
    const std::string role = name.substr(0, name.find('.') + 1);
    return std::any_of(plan.tensors.begin(), plan.tensors.end(), [&](const compiler::Tensor& t) {
      return t.kind == TensorKind::state && t.name.starts_with(role);
    });
  }

  void add_info(int number, const std::set<int>& assigned) {
    const compiler::Tensor& t = plan.tensors[number];
    const bool kept = t.kind == TensorKind::param || t.kind == TensorKind::keep || t.kind == TensorKind::wiring;
    if (kept) {
      std::vector<std::int64_t> shape = t.dims;
      if (t.per_step) shape.insert(shape.begin(), options.steps);
      infos.push_back({t.name, shape, t.kind == TensorKind::param, t.bundle, assigned.contains(number)});
      numbers[t.name] = number;
    }
    if (t.kind == TensorKind::state) {
      std::vector<std::int64_t> shape = {options.batch};
      shape.insert(shape.end(), t.dims.begin(), t.dims.end());
      infos.push_back({t.name + "[start]", shape, false, "", false});
      numbers[t.name + "[start]"] = number;
    }
  }

  // `fresh`: nothing was written so far, so all is zero.
  void initialise(bool fresh) {
    Memory& m = sequence.memory();
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const compiler::Tensor& t = plan.tensors[i];
      const int number = static_cast<int>(i);
      if (t.kind == TensorKind::param || t.kind == TensorKind::keep || t.kind == TensorKind::wiring) {
        using Kind = compiler::Init::Kind;
        const bool constant = t.init.kind == Kind::none || t.init.kind == Kind::value;
        const bool zero = constant && t.init.a == 0 && !std::signbit(t.init.a);
        if (fresh && zero) continue;
        for (std::int64_t copy = 0; copy < m.copies(number); ++copy)
          initial_values(t, options.seed, copy, [&](std::int64_t first, std::span<const double> values) {
            if (!all_finite(values, m.float64()))
              for (const double value : values) check_start(t.name, value);
            m.write(number, m.whole(number), copy * t.size() + first, values);
          });
      } else if (t.kind == TensorKind::hyper && !hypers_set.contains(t.name)) {
        check_start(t.name, t.init.a);
        m.write(number, m.whole(number), 0, t.init.a);
      } else if (t.kind == TensorKind::state) {
        check_start(t.name, t.init.a);
        start_values[i].assign(static_cast<std::size_t>(options.batch * t.size()), t.init.a);
      }
    }
    sequence.set_start(start_values);
    sequence.parameters_changed();
  }

  void check_start(const std::string& name, double value) {
    if (!sequence.memory().fits(value))
      throw Error(fmt::format("{} begins with {}, which is too large for float32; use dtype f64", name, value));
  }

  // The tensor that a stream carries under this name; -1: none, or there is no stream.
  int running(const std::string& name) const {
    if (!sequence.streams() || numbers.contains(dsl::canonical(name))) return -1;
    const int number = plan.find(dsl::canonical(name));
    if (number < 0) return -1;
    const TensorKind kind = plan.tensors[static_cast<std::size_t>(number)].kind;
    return kind == TensorKind::state || kind == TensorKind::forward || kind == TensorKind::record ? number : -1;
  }

  int number_of(const std::string& name) const {
    auto found = numbers.find(dsl::canonical(name));
    if (found != numbers.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [n, number] : numbers) names.push_back(n);
    const std::string near = dsl::nearest(name, names);
    throw Error(
        fmt::format("there is no tensor {}{}", name, near.empty() ? "" : fmt::format(": did you mean {}?", near)));
  }

  int learned_number(const std::string& parameter) const;
  bool is_start(const std::string& name) const { return name.ends_with("[start]"); }

  std::vector<int> hypers_named(const std::string& given) const {
    const std::string name = dsl::canonical(given);
    const bool of_all = name.starts_with("optimiser.") && std::count(name.begin(), name.end(), '.') == 1;
    std::vector<int> found;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const compiler::Tensor& t = plan.tensors[i];
      if (t.kind != TensorKind::hyper || t.name.empty()) continue;
      names.push_back(t.name);
      bool fits = t.name == name;
      if (!fits && of_all && t.name.starts_with("optimiser."))  // for all bundles
        fits = t.name.substr(t.name.rfind('.')) == name.substr(name.rfind('.'));
      if (fits) found.push_back(static_cast<int>(i));
    }
    if (found.empty() && of_all && plan.learned.empty()) return found;  // of no parameter at all
    if (found.empty()) {
      std::string near = dsl::nearest(name, names);
      if (near.empty()) {  // Greek names are far from their misspelt words
        std::vector<std::string> words;
        for (const std::string& n : names) words.push_back(dsl::ascii(n));
        near = dsl::nearest(given, words);
      }
      for (const std::string& n : names)
        if (n.ends_with("." + name)) near = n;  // of a part: net.g
      throw Error(
          fmt::format("there is no hyper {}{}", given, near.empty() ? "" : fmt::format(": did you mean {}?", near)));
    }
    return found;
  }

  std::shared_ptr<const Program> program;
  SessionOptions options;
  const compiler::Plan& plan;
  Sequence sequence;
  std::vector<TensorInfo> infos;
  std::map<std::string, int> numbers;
  std::vector<std::vector<double>> start_values;
  std::set<std::string> hypers_set;
  std::vector<const compiler::Shown*> readouts;  // their outputs
  std::vector<double> outputs;                   // of the last `forward`
};

Session::Session(std::shared_ptr<const Program> program, const SessionOptions& options) {
  if (options.batch < 1) throw Error("a session needs a batch of at least one example");
  if (options.steps < 1) throw Error("a session needs sequences of at least one step");
  if (options.threads < 1) throw Error("a session needs at least one thread");
  impl_ = std::make_unique<Impl>(std::move(program), options);
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

double Session::bytes() const { return impl_->sequence.bytes(); }
double Session::unlimited_bytes(const Program& program, const SessionOptions& options) {
  return Sequence::unlimited_bytes(program, options);
}

void Session::initialise() { impl_->initialise(false); }
const std::vector<TensorInfo>& Session::tensors() const { return impl_->infos; }

std::vector<double> Session::get(const std::string& name) const {
  if (const int running = impl_->running(name); running >= 0) return impl_->sequence.current(running);
  const int number = impl_->number_of(name);
  if (impl_->is_start(name)) return impl_->start_values[number];
  Memory& m = impl_->sequence.memory();
  std::vector<double> values(static_cast<std::size_t>(impl_->plan.tensors[number].size() * m.copies(number)));
  m.read(number, m.whole(number), 0, values);
  return values;
}

void Session::set(const std::string& name, std::span<const double> values) {
  const int number = impl_->number_of(name);
  const compiler::Tensor& t = impl_->plan.tensors[number];
  if (impl_->is_start(name)) {
    for (const double x : values)
      if (!std::isfinite(x) || !impl_->sequence.memory().fits(x))
        throw Error(fmt::format("{}: {} is not finite{}", name, x, std::isfinite(x) ? " in float32" : ""));
    auto& start = impl_->start_values[number];
    if (values.size() > start.size() || values.size() % static_cast<std::size_t>(t.size()) != 0)
      throw Error(fmt::format("{} has {} values per example, {} are given", name, t.size(), values.size()));
    std::copy(values.begin(), values.end(), start.begin());
    impl_->sequence.set_start(impl_->start_values);
    return;
  }
  Memory& m = impl_->sequence.memory();
  const std::int64_t size = t.size() * m.copies(number);
  if (static_cast<std::int64_t>(values.size()) != size)
    throw Error(fmt::format("{} has {} values, {} are given", name, size, values.size()));
  for (double x : values) {
    if (!std::isfinite(x)) throw Error(fmt::format("{}: a value is not finite", name));
    if (!m.fits(x)) throw Error(fmt::format("{}: {} is too large for float32; use dtype f64", name, x));
    if (t.low < t.high && (x < t.low || x > t.high))
      throw Error(fmt::format("{} = {} is outside [{}, {}]", name, x, t.low, t.high));
    if (t.kind == TensorKind::wiring && (x != std::floor(x) || x < 0 || x >= t.init.a))
      throw Error(fmt::format("{}: {} is no index below {}", name, x, t.init.a));
  }
  m.write(number, m.whole(number), 0, values);
  impl_->sequence.parameters_changed();
}

void Session::set_hyper(const std::string& name, double value) {
  if (!std::isfinite(value)) throw Error(fmt::format("the hyper {} must be a finite number", name));
  Memory& m = impl_->sequence.memory();
  if (!m.fits(value))
    throw Error(fmt::format("the hyper {} = {} is too large for float32; use dtype f64", name, value));
  for (int number : impl_->hypers_named(name)) {
    const compiler::Tensor& t = impl_->plan.tensors[number];
    if (t.low < t.high && (value < t.low || value > t.high))
      throw Error(fmt::format("{} = {} is outside [{}, {}]", t.name, value, t.low, t.high));
    m.write(number, m.whole(number), 0, value);
    impl_->hypers_set.insert(t.name);
  }
  impl_->sequence.parameters_changed();
}

double Session::hyper(const std::string& name) const {
  Memory& m = impl_->sequence.memory();
  const int number = impl_->hypers_named(name).front();
  return m.read(number, m.whole(number), 0);
}

void Session::set_clip(double length, const std::string& bundle) {
  impl_->sequence.bounds().set(dsl::canonical(bundle), length);
}

RunResult Session::run(const BatchView& batch, bool learn) { return impl_->sequence.run(batch, learn); }
RunResult Session::train(const BatchView& batch) { return impl_->sequence.train(batch); }
std::optional<NonFinite> Session::find_not_finite(const BatchView& batch) {
  return impl_->sequence.find_not_finite(batch, false);
}
RunResult Session::run(const Batch& batch, bool learn) {
  impl_->sequence.check(batch);
  return run(BatchView(batch), learn);
}
RunResult Session::train(const Batch& batch) {
  impl_->sequence.check(batch);
  return train(BatchView(batch));
}
std::optional<NonFinite> Session::find_not_finite(const Batch& batch) {
  impl_->sequence.check(batch);
  return find_not_finite(BatchView(batch));
}
const std::string& Session::not_by_step() const { return impl_->sequence.not_by_step(); }
RunResult Session::step(std::span<const double> x, std::span<const double> y) { return impl_->sequence.step(x, y); }

const std::vector<double>& Session::forward(std::span<const double> x, bool learning) {
  impl_->sequence.forward(x, learning);
  impl_->outputs.clear();
  for (const compiler::Shown* s : impl_->readouts) {
    const std::vector<double> values = impl_->sequence.shown(*s).values;
    impl_->outputs.insert(impl_->outputs.end(), values.begin(), values.end());
  }
  return impl_->outputs;
}

RunResult Session::learn(std::span<const double> y, std::span<const double> mask) {
  return impl_->sequence.learn(y, mask);
}

std::vector<std::byte> Session::snapshot() const { return impl_->sequence.snapshot(); }
void Session::resume(std::span<const std::byte> snapshot) { impl_->sequence.resume(snapshot); }
void Session::reset() { impl_->sequence.reset(); }
void Session::reset(std::span<const std::int64_t> examples) { impl_->sequence.reset(examples); }

Session::Shown Session::shown(const std::string& name) const {
  for (const compiler::Shown& s : impl_->plan.shown)
    if (s.parameter < 0 && (s.name == name || dsl::canonical(s.name) == dsl::canonical(name)))
      return impl_->sequence.shown(s);
  throw Error(fmt::format("{} was not compiled to be shown: name it in ProgramSpec::show", name));
}

std::map<std::string, Session::Shown> Session::shown_line(const std::string& line) const {
  std::map<std::string, Shown> out;
  for (const compiler::Shown& s : impl_->plan.shown)
    if (s.parameter >= 0 && s.name == line) out[impl_->plan.tensors[s.parameter].name] = impl_->sequence.shown(s);
  if (out.empty()) throw Error(fmt::format("\"{}\" was not compiled to be shown: name it in ProgramSpec::show", line));
  return out;
}

std::vector<TensorInfo> Session::givable() const {
  std::vector<TensorInfo> out;
  for (const compiler::Tensor& t : impl_->plan.tensors)
    if (!t.given_as.empty()) out.push_back({t.given_as, t.dims, false, ""});
  return out;
}

int Session::Impl::learned_number(const std::string& parameter) const {
  const int number = number_of(parameter);
  for (std::size_t k = 0; k < plan.learned.size(); ++k)
    if (plan.learned[k].parameter == number) return static_cast<int>(k);
  throw Error(fmt::format("nothing is learned for {}", parameter));
}

void Session::keep_updates(const std::string& parameter) {
  impl_->sequence.keep_updates(impl_->learned_number(parameter));
}

std::vector<std::vector<double>> Session::after_updates(const std::string& parameter) const {
  return impl_->sequence.after_updates(impl_->learned_number(parameter));
}

std::vector<double> Session::gathered(const std::string& parameter) const {
  return impl_->sequence.gathered(impl_->learned_number(parameter));
}

std::map<std::string, std::vector<double>> Session::state() const {
  std::map<std::string, std::vector<double>> all;
  for (const TensorInfo& info : impl_->infos)
    if (!impl_->is_start(info.name)) all[info.name] = get(info.name);
  all["sequence"] = {static_cast<double>(impl_->sequence.count())};
  return all;
}

// Indices into memory stay what they must be, whatever the state says.
void Session::restore(const std::string& name, std::size_t first, std::span<const double> values) {
  const int number = impl_->number_of(name);
  const compiler::Tensor& t = impl_->plan.tensors[number];
  Memory& m = impl_->sequence.memory();
  const auto size = static_cast<std::size_t>(t.size() * m.copies(number));
  if (impl_->is_start(name) || first > size || values.size() > size - first)
    throw Error(fmt::format("{} has {} values, {} are given", name, size, first + values.size()));
  for (const double x : values)
    if (t.kind == TensorKind::wiring && !(x == std::floor(x) && x >= 0 && x < t.init.a))
      throw Error(fmt::format("{}: {} is no index below {}", name, x, t.init.a));
  m.write(number, m.whole(number), static_cast<std::int64_t>(first), values);
  impl_->sequence.parameters_changed();
}

void Session::restore(const std::map<std::string, std::vector<double>>& state) {
  for (const TensorInfo& info : impl_->infos) {
    if (impl_->is_start(info.name)) continue;
    auto found = state.find(info.name);
    if (found == state.end())
      throw Error(fmt::format("the saved state lacks {}: it belongs to another program", info.name));
    if (found->second.size() != view(info.name).count)
      throw Error(
          fmt::format("{} has {} values, {} are given", info.name, view(info.name).count, found->second.size()));
    restore(info.name, 0, found->second);
  }
  auto found = state.find("sequence");
  if (found == state.end() || found->second.empty()) return;
  const double count = found->second[0];
  if (!(count >= 0 && count < 9e15 && count == std::floor(count)))
    throw Error(fmt::format("the saved state counts {} sequences", count));
  set_sequence(static_cast<std::uint64_t>(count));
}

Stored Session::view(const std::string& name) const {
  const int number = impl_->number_of(name);
  Memory& m = impl_->sequence.memory();
  const compiler::Tensor& t = impl_->plan.tensors[number];
  const Stored::Type type = t.kind == TensorKind::wiring ? Stored::Type::i32
                            : m.float64()                ? Stored::Type::f64
                                                         : Stored::Type::f32;
  return {type, m.whole(number), static_cast<std::size_t>(t.size() * m.copies(number))};
}

void Session::copy(const std::string& name, const Session& from, const std::string& source) {
  const Stored mine = view(name), theirs = from.view(source);
  if (mine.count != theirs.count || mine.type != theirs.type)
    throw Error(
        fmt::format("{} has {} values, {} has {} or is of another type", name, mine.count, source, theirs.count));
  std::memcpy(impl_->sequence.memory().whole(impl_->number_of(name)), theirs.data,
              mine.count * (mine.type == Stored::Type::f64 ? 8 : 4));
  impl_->sequence.parameters_changed();
}

void Session::exchange(const std::string& name, std::span<std::byte> values) {
  const int number = impl_->number_of(name);
  const Stored mine = view(name);
  if (values.size() != mine.count * (mine.type == Stored::Type::f64 ? 8 : 4))
    throw Error(fmt::format("{} has {} values, {} bytes are given", name, mine.count, values.size()));
  std::swap_ranges(values.begin(), values.end(), impl_->sequence.memory().whole(number));
  impl_->sequence.parameters_changed();
}

std::uint64_t Session::sequence() const { return impl_->sequence.count(); }
void Session::set_sequence(std::uint64_t count) { impl_->sequence.set_count(count); }

}  // namespace eligo
