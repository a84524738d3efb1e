// Values kept for the user: of a name at each step, of what a learn line adds, of a block's names by their k.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/frontend/elaboration.h"
#include "dsl/names.h"
#include "dsl/resolve.h"

namespace eligo::compiler {

using dsl::Code;

namespace {

struct Request {
  std::string name;
  dsl::TypedPtr value;
  bool from_start = false;
  bool sweep = false;
  int ahead = 0;
};

class Shows {
 public:
  Shows(const Elaboration& e, const Gradients& gradients, Lags lags)
      : e_(e), p_(e.program), gradients_(gradients), lags_(std::move(lags)) {}

  Lags run(Swept swept) {
    for (const std::string& name : e_.instance.show)
      if (!of_block(name) && !of_line(name)) of_name(name);
    sweep_back(e_, std::move(swept));
    lags_ = carry_found(e_, std::move(lags_));
    return std::move(lags_);
  }

 private:
  // A name of a block is shown by its k, as of the last arrival.
  bool of_block(const std::string& name) {
    if (e_.rule().equations.contains(name)) return false;
    const BlockTensors* found = nullptr;
    for (const BlockTensors& block : e_.elaborator.blocks()) {
      if (!block.defines(name)) continue;
      if (found != nullptr)
        e_.fail(Code::E0602, block.equation(name).general.span(),
                fmt::format("two blocks define {}: which to show is open", name));
      found = &block;
    }
    if (found == nullptr) return false;
    p_.shown.push_back({name, found->stored.at(name), true});
    return true;
  }

  // "learn ψ", "learn ψ 2": what the first, the second line for ψ adds, by step and example.
  bool of_line(const std::string& shown) {
    if (!shown.starts_with("learn ")) return false;
    const auto spelt = [](const std::string& line) {  // "ψ 2"
      const std::size_t blank = line.find(' ');
      return dsl::canonical(line.substr(0, blank)) + (blank == std::string::npos ? "" : line.substr(blank));
    };
    std::vector<std::string> lines;
    std::map<std::string, int> count;
    for (const dsl::TypedLearn& learn : e_.rule().learns) {
      const std::string& name = learn.line.name();
      const int number = ++count[name];
      lines.push_back(number == 1 ? "learn " + name : fmt::format("learn {} {}", name, number));
      if (spelt(shown.substr(6)) != spelt(lines.back().substr(6))) continue;
      show_line(shown, learn);
      return true;
    }
    e_.fail(Code::E0602, e_.rule().syntax.name_span, fmt::format("{} has no line \"{}\"", e_.rule().name(), shown),
            fmt::format("its lines are {}", fmt::join(lines, ", ")));
  }

  void show_line(const std::string& shown, const dsl::TypedLearn& learn) {
    std::map<int, int> into;  // parameter -> what is shown of it, also where the line runs in two phases
    for (const LineSite& site : sites_of(e_, learn)) {
      Value value;
      Ref mask = e_.values().flatten(site.mask);
      auto blocks = learned_from(e_, gradients_, learn, site.at, value);
      for (const int target : targets_of(e_, *learn.target))  // nothing left, as where a number turns a line off
        if (std::none_of(blocks.begin(), blocks.end(), [&](const auto& b) { return b.first == target; }))
          blocks.emplace_back(target, p_.graph.constant(0));
      for (const auto& [parameter, block] : blocks) {
        const auto [known, fresh] = into.try_emplace(parameter, static_cast<int>(p_.tensors.size()));
        if (fresh) {
          add_shown(fmt::format("{}.{}", shown, p_.tensors[parameter].name), p_.tensors[parameter].dims, {});
          const bool from_start =
              learn.line.source->range == dsl::LearnRange::from_start || site.at.now.base == When::start;
          p_.shown.push_back({shown, known->second, from_start, parameter});
        }
        const Use use = block->rank() ? whole(block) : Use{block, {}, 1};
        Ref node = p_.graph.contract({Use{mask, {}, 1}, use}, p_.tensors[parameter].dims, {}, learn.line.source->sign);
        e_.phase(site.phase).roots.push_back({RootKind::store, known->second, site.at.now, node, shown});
      }
    }
  }

  int add_shown(const std::string& name, std::vector<Extent> dims, std::vector<Axis> axes) {
    Tensor t;
    t.name = "shown." + name;
    t.kind = TensorKind::shown;
    t.batched = true;
    t.dims = std::move(dims);
    t.axes = std::move(axes);
    p_.tensors.push_back(std::move(t));
    return static_cast<int>(p_.tensors.size()) - 1;
  }

  Request request(const std::string& shown) {
    Request r;
    r.name = shown;
    const std::string name = dsl::canonical(shown);
    const dsl::Span span = e_.rule().syntax.name_span;
    r.value = dsl::read_of(e_.rule(), name, {dsl::TimeBase::t, 0}, span);
    if (!r.value) {
      std::vector<std::string> names;
      for (const auto& [known, equation] : e_.rule().equations) names.push_back(known);
      for (const auto& [known, tensor] : e_.parts.rule().tensors) names.push_back(known);
      const std::string near = dsl::nearest(name, names);
      e_.fail(Code::E0602, span, fmt::format("{} is not known here", name.substr(0, name.find('.'))),
              near.empty() ? "" : fmt::format("did you mean {}?", near));
    }
    if (const auto found = e_.rule().equations.find(name); found != e_.rule().equations.end()) {
      const dsl::NameTime& time = found->second.time;
      r.from_start = time.holds_at_start;
      r.sweep = time.window_complete || time.direction == dsl::Direction::backward;
      r.ahead = time.ahead;
    }
    return r;
  }

  bool is_state(const Value& v) const {
    for (const auto& [key, block] : v.blocks)
      if (block->kind != NodeKind::leaf || p_.tensors[block->tensor].kind != TensorKind::state) return false;
    return !v.blocks.empty();
  }

  void of_name(const std::string& name) {
    Request r = request(name);
    Value probe = e_.values().form(e_.elaborator.evaluate(*r.value, e_.elaborator.environment()));
    if (is_state(probe)) r.from_start = true;
    if (!r.sweep && r.from_start && !is_state(probe)) r.ahead = std::max(r.ahead, 0);
    std::vector<Extent> dims;
    for (const Axis& a : probe.axes) dims.push_back(a.extent);
    const int tensor = add_shown(name, dims, probe.axes);
    p_.shown.push_back({name, tensor, r.from_start});
    if (!r.sweep) return on_arrival(name, tensor, r);
    const TimeRef now{When::t, 0};
    p_.online = false;
    Ref node = e_.values().flatten(probe);
    e_.phase(PhaseKind::sweep).roots.push_back({RootKind::store, tensor, now, node, "show " + name});
    if (r.from_start)
      e_.phase(PhaseKind::sweep_start).roots.push_back({RootKind::store, tensor, now, node, "show " + name});
  }

  // At the first arrival at which every forward recurrence that the value reads is fixed.
  void on_arrival(const std::string& name, int tensor, Request r) {
    lags_ = carry_found(e_, std::move(lags_));
    for (int tries = 0; tries < 16; ++tries, ++r.ahead) {
      const Environment at = e_.elaborator.environment({When::t, -r.ahead});
      Ref node = e_.values().flatten(e_.elaborator.evaluate(*r.value, at));
      lags_ = carry_found(e_, std::move(lags_));
      bool ready = true;
      for (Ref n : postorder({node}))
        if (n->kind == NodeKind::leaf && p_.tensors[n->tensor].kind == TensorKind::forward && n->time.base == When::t)
          ready = ready && n->time.offset <= -lags_.of.at(n->tensor);
      if (!ready) continue;
      p_.ahead = std::max(p_.ahead, r.ahead);
      e_.phase(PhaseKind::show).roots.push_back({RootKind::store, tensor, at.now, node, "show " + name});
      return;
    }
  }

  const Elaboration& e_;
  Program& p_;
  const Gradients& gradients_;
  Lags lags_;
};

}  // namespace

Lags show_values(const Elaboration& e, const Gradients& gradients, Lags lags, Swept swept) {
  return Shows(e, gradients, std::move(lags)).run(std::move(swept));
}

}  // namespace eligo::compiler
