#include "runtime/library/default_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>

#include "dsl/names.h"
#include "runtime/engine/initialise.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"
#include "support/error.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

// All of a kind, those of `first` before the others.
Names candidates(const std::string& kind, const Names& first, const Names& folders) {
  Names names = first;
  for (const Item& item : list_items(folders))
    if (item.kind == kind && std::find(names.begin(), names.end(), item.name) == names.end())
      names.push_back(item.name);
  return names;
}

// A wiring draws different places for each row: an axis that it leads to may have to be larger.
std::map<std::string, std::int64_t> sizes_for_wirings(const compiler::Program& plan) {
  std::map<std::string, std::int64_t> larger;
  for (const auto& t : plan.tensors) {
    if (t.kind != compiler::TensorKind::wiring || t.dims.empty()) continue;
    const std::int64_t draws = t.dims.size() > 1 ? t.size() / t.dims.front() : t.size();
    if (draws <= t.targets.extent) continue;
    std::int64_t& extent = larger[t.targets.shown];
    extent = std::max(extent, draws);
  }
  return larger;
}

// One choice of a synthesiser for each role: the same for all, then every other combination.
std::vector<SynthRoles> synth_choices(const Names& roles, const Names& synths) {
  constexpr std::size_t most = 64;
  std::vector<SynthRoles> choices;
  for (const auto& synth : synths) {
    SynthRoles same;
    for (const auto& role : roles) same.named.emplace_back(role, synth);
    choices.push_back(same);
  }
  if (roles.size() < 2) return choices;
  std::vector<std::size_t> at(roles.size(), 0);
  while (choices.size() < most) {
    std::size_t i = 0;
    while (i < at.size() && ++at[i] == synths.size()) at[i++] = 0;
    if (i == at.size()) break;
    SynthRoles one;
    for (std::size_t r = 0; r < roles.size(); ++r) one.named.emplace_back(roles[r], synths[at[r]]);
    choices.push_back(one);
  }
  return choices;
}

class Search {
 public:
  Search(ProgramSpec spec, const FitSizes& sizes, const Names& cells)
      : spec_(std::move(spec)), search_(spec_.rule_paths), sizes_(sizes) {
    rule_ = outline(spec_.rule, "rule", search_);
    cells_ = choices(spec_.cell, "cell", cells);
    readouts_ = choices(spec_.readout, "readout", {"linear_mse", "linear_softmax"});
    Names roles;
    for (const Role& role : rule_.roles)
      if (role.kind == "synth") roles.push_back(role.name);
    if (spec_.synth.empty() && !roles.empty())
      synths_ = synth_choices(roles, candidates("synth", {"linear", "local"}, spec_.rule_paths));
    else synths_ = {read_synth_roles(spec_.synth)};
  }

  ProgramSpec run() {
    check_rule();
    probe();
    if (search()) return spec_;
    sizes_.inputs *= 8;  // a wiring may draw more inputs than there are
    if (search()) return spec_;
    std::rethrow_exception(fault_);
  }

 private:
  // What is wrong with the rule itself is said before any part is tried.
  void check_rule() const {
    const std::shared_ptr<const CheckedFile> file = checked_file(rule_.found.path);
    if (!file->diagnostics.empty()) throw dsl::SourceError(file->diagnostics);
  }

  // Some faults of a rule show only when it is bound to parts. One that several quite different choices of parts show
  // in the same words at the same place is the rule's: the many others need not be tried.
  void probe() {
    constexpr std::size_t enough = 4;
    const ProgramSpec before = spec_;
    for (const Role& role : rule_.roles)  // no synthesiser helps a rule that calls none
      if (role.kind == "synth" && !rule_.calls.contains(role.name) &&
          !fits(cells_.front(), readouts_.front(), synths_.front()))
        std::rethrow_exception(fault_);
    const std::size_t most = std::max({cells_.size(), readouts_.size(), synths_.size()});
    if (most < enough) return;
    std::string words;
    bool same = true;
    for (std::size_t i = 0; same && i < enough; ++i) {
      fault_ = nullptr;
      same = !fits(cells_[i % cells_.size()], readouts_[i % readouts_.size()], synths_[i % synths_.size()]);
      if (!same) break;
      const std::string now = text_of(fault_);
      same = i == 0 || now == words;
      words = now;
    }
    if (same) std::rethrow_exception(fault_);
    spec_ = before;  // which choice fits is decided by their order
    fault_ = nullptr;
  }

  static std::string text_of(const std::exception_ptr& fault) {
    try {
      std::rethrow_exception(fault);
    } catch (const std::exception& e) {
      return e.what();
    }
  }

  bool search() {
    for (const auto& cell : cells_)
      for (const auto& readout : readouts_)
        for (const auto& synth : synths_)
          if (fits(cell, readout, synth)) return true;
    return false;
  }

  Names choices(const std::string& given, const std::string& kind, const Names& first) const {
    if (!given.empty() || rule_.role(kind) == nullptr) return {given};
    return candidates(kind, first, spec_.rule_paths);
  }

  bool fits(const std::string& cell, const std::string& readout, const SynthRoles& synth) {
    ProgramSpec tried = spec_;
    tried.cell = cell;
    tried.readout = readout;
    tried.synth = synth.text();
    try {
      check_cell(cell);
      add_sizes(tried, cell, "cell");
      add_sizes(tried, readout, "readout");
      for (const Role& role : rule_.roles)
        if (role.kind == "synth") add_sizes(tried, synth.part(role.name), "synth");
      check_given(tried);
      std::shared_ptr<compiler::Program> plan = instantiate(tried, search_);
      if (const auto larger = sizes_for_wirings(*plan); !larger.empty()) {
        for (const auto& [size, extent] : larger)
          if (!spec_.sizes.contains(size)) tried.sizes[size] = extent;
        plan = instantiate(tried, search_);
      }
      for (const compiler::Tensor& t : plan->tensors)
        if (t.kind == compiler::TensorKind::wiring) initial_values(t, 0);  // whether it can be drawn
    } catch (const std::exception&) {
      if (!fault_) fault_ = std::current_exception();
      return false;
    }
    spec_ = tried;
    return true;
  }

  // Sizes that were asked for are sizes of the parts, not left out in silence.
  void check_given(const ProgramSpec& tried) {
    if (spec_.sizes.empty()) return;
    const PartSizes own = sizes_of_parts(tried, search_);
    if (!own.known) return;
    for (const auto& [given, value] : spec_.sizes) {
      const std::string name = dsl::canonical(given.substr(given.find('.') + 1));  // npos + 1: no role
      if (std::find(own.sizes.begin(), own.sizes.end(), name) != own.sizes.end()) continue;
      const std::string near = dsl::nearest(name, own.sizes);
      throw Error(fmt::format("none of the parts has a size {}{}", given,
                              near.empty() ? "" : fmt::format(": did you mean {}?", near)));
    }
  }

  // A cell that is chosen has the sizes that were given where the first choice has them: --size n=100000 asks for a net of
  // that size, not for another net whose readout has an n.
  void check_cell(const std::string& cell) {
    if (!spec_.cell.empty() || cell.empty() || cell == cells_.front()) return;
    const Names first = outline(cells_.front(), "cell", search_).sizes, own = outline(cell, "cell", search_).sizes;
    const auto has = [](const Names& sizes, const std::string& name) {
      return std::find(sizes.begin(), sizes.end(), name) != sizes.end();
    };
    for (const auto& [given, value] : spec_.sizes)
      if (has(first, given) && !has(own, given)) throw Error(fmt::format("{} has no size {}", cell, given));
  }

  void add_sizes(ProgramSpec& spec, const std::string& part, const char* kind) {
    if (part.empty()) return;
    for (const std::string& size : outline(part, kind, search_).sizes) {
      if (spec.sizes.contains(size)) continue;
      const bool wide = size == "n" || size == "hidden";
      spec.sizes[size] = wide          ? sizes_.units
                         : size == "m" ? sizes_.inputs
                         : size == "k" ? sizes_.targets
                                       : sizes_.others;
    }
  }

  ProgramSpec spec_;
  PartSearch search_;
  FitSizes sizes_;
  Outline rule_;
  Names cells_, readouts_;
  std::vector<SynthRoles> synths_;
  std::exception_ptr fault_;
};

}  // namespace

ProgramSpec fitting(ProgramSpec spec, const FitSizes& sizes, const std::vector<std::string>& cells) {
  return Search(std::move(spec), sizes, cells).run();
}

std::string parts_text(const ProgramSpec& spec) {
  std::string text;
  const auto add = [&](const char* kind, const std::string& name) {
    if (!name.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, name);
  };
  add("cell", spec.cell);
  add("readout", spec.readout);
  add("synth", spec.synth);
  return text;
}

}  // namespace eligo
