#include "runtime/library/compile.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "compiler/driver/choose_schedules.h"
#include "compiler/driver/compile.h"
#include "compiler/frontend/instantiate.h"
#include "compiler/reference/interpreter.h"
#include "dsl/file.h"
#include "dsl/names.h"
#include "dsl/parser.h"
#include "runtime/engine/program.h"
#include "runtime/library/cache.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/coming_entries.h"
#include "runtime/library/compile_key.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"
#include "support/available.h"

namespace eligo {
namespace {

compiler::UpdateEvery every(Update update) {
  switch (update) {
    case Update::step: return compiler::UpdateEvery::step;
    case Update::window: return compiler::UpdateEvery::window;
    default: return compiler::UpdateEvery::sequence;
  }
}

dsl::TypedItemPtr load(const std::string& name, const std::string& kind, PartSearch& search) {
  const Found found = search.find(name, kind);
  const std::shared_ptr<const CheckedFile> file = checked_file(found.path);
  if (!file->diagnostics.empty()) throw dsl::SourceError(file->diagnostics);
  dsl::TypedItemPtr found_item;
  for (const dsl::TypedItemPtr& item : file->items)
    if (dsl::word_of(item->kind()) == kind && dsl::canonical(item->name()) == dsl::canonical(found.item))
      found_item = item;
  if (!found_item) throw Error(fmt::format("{}: there is no {} {} in this file", found.path, kind, found.item));
  return found_item;
}

// A rule in which a caller gives the value of some recurrences before the first step: as if it had the boundary
// equation P[start] = that value, instead of one of its own.
dsl::TypedItemPtr with_given_starts(const dsl::TypedItemPtr& rule, const std::vector<std::string>& starts) {
  if (starts.empty()) return rule;
  dsl::ParsedFile changed{rule->source, {}};
  dsl::Item& item = changed.file.items.emplace_back(rule->syntax);
  for (const std::string& given : starts) {
    const std::string name = dsl::canonical(given);
    const auto found = rule->equations.find(name);
    const bool forward = found != rule->equations.end() && found->second.time.direction == dsl::Direction::forward;
    const auto is_it = [&](const dsl::Statement& s) {
      return s.kind == dsl::StatementKind::equation && s.name == name;
    };
    const auto general = std::find_if(item.statements.begin(), item.statements.end(), is_it);
    if (!forward || general == item.statements.end())
      throw Error(fmt::format("{}[start] cannot be given: {}", given,
                              found == rule->equations.end()
                                  ? fmt::format("the rule {} has no recurrence {}; a cell's state is net.{}[start]",
                                                item.name, given, given)
                                  : fmt::format("in the rule {} it is no recurrence that runs forward", item.name)));
    dsl::Statement start = *general;
    std::erase_if(item.statements,
                  [&](const dsl::Statement& s) { return is_it(s) && s.time && s.time->base == dsl::TimeBase::start; });
    start.time = dsl::TimeIndex{dsl::TimeBase::start, 0};
    start.indices.clear();
    start.value =
        std::make_shared<dsl::Expr>(dsl::Expr{.kind = dsl::ExprKind::given, .span = start.span, .name = name});
    item.statements.push_back(std::move(start));
  }
  dsl::Diagnostics diagnostics;
  const std::vector<dsl::TypedItemPtr> items = dsl::check(changed, diagnostics);
  if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
  return items.front();
}

std::string part_for(const dsl::HeaderEntry& role, const ProgramSpec& spec, const SynthRoles& synths) {
  if (role.role == dsl::ItemKind::cell) return spec.cell;
  return role.role == dsl::ItemKind::readout ? spec.readout : synths.part(role.name);
}

// Synthesisers by role must be of roles that the rule has; a single name may stay unused.
SynthRoles synths_for(const dsl::Item& rule, const ProgramSpec& spec) {
  SynthRoles synths = read_synth_roles(spec.synth);
  std::vector<std::string> roles;
  for (const dsl::HeaderEntry& h : rule.header)
    if (h.kind == dsl::HeaderEntry::Kind::role && h.role == dsl::ItemKind::synth) roles.push_back(h.name);
  if (const std::string fault = synths.fault(rule.name, roles); !fault.empty()) throw Error(fault);
  return synths;
}

const char* word(dsl::ItemKind kind) {
  return kind == dsl::ItemKind::cell ? "cell" : kind == dsl::ItemKind::readout ? "readout" : "synth";
}

// Refused before anything is compiled for sizes that no memory holds. What a recurrence can hold is known only after
// that: until then its whole size counts no further than numbers go.
void check_sizes(const compiler::Facts& plan, bool recurrences) {
  const auto memory = static_cast<long double>(machine_memory());
  for (const auto& t : plan.tensors) {
    long double bytes = 4;
    for (auto extent : t.dims) bytes *= static_cast<long double>(extent);
    const bool later = !recurrences && t.kind == compiler::TensorKind::forward;
    if (bytes > (later ? 1e17L : memory))
      throw Error(fmt::format(
          "{} alone would take {:.3g} bytes for one example, this machine has {:.3g}: use smaller sizes or a "
          "rule that carries less",
          t.name, static_cast<double>(bytes), static_cast<double>(memory)));
  }
}

// Numbers that a rule writes and float32 does not hold would be infinite in its kernels.
void check_numbers(const compiler::Program& program) {
  std::set<compiler::Ref> seen;
  std::vector<compiler::Ref> open;
  for (const compiler::Phase& phase : program.phases)
    for (const compiler::Root& root : phase.roots) open.push_back(root.node);
  const auto check = [](double number, const compiler::Origin& origin) {
    if (!std::isfinite(number) || std::isfinite(static_cast<float>(number))) return;
    std::string place;
    if (origin.source) {
      const dsl::LineColumn at = dsl::line_column(*origin.source, origin.span.begin);
      place = fmt::format("{}:{}:{}: ", origin.source->path, at.line, at.column);
    }
    throw Error(fmt::format("{}the number {} is too large for float32; use dtype f64", place, number));
  };
  while (!open.empty()) {
    const compiler::Ref node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->kind == compiler::NodeKind::constant || node->kind == compiler::NodeKind::contract)
      check(node->number, node->origin);
    for (const compiler::Use& use : node->uses) {
      if (node->kind == compiler::NodeKind::sum) check(use.coefficient, node->origin);
      open.push_back(use.node);
    }
  }
  for (const compiler::Tensor& t : program.tensors) {  // hypers, initial values
    check(t.init.a, t.origin);
    check(t.init.b, t.origin);
  }
}

}  // namespace

static compiler::Instance bind(const ProgramSpec& spec, PartSearch& search) {
  compiler::Instance instance;
  instance.rule = with_given_starts(load(spec.rule, "rule", search), spec.starts);
  const SynthRoles synths = synths_for(instance.rule->syntax, spec);
  for (const dsl::HeaderEntry& h : instance.rule->syntax.header) {
    if (h.kind != dsl::HeaderEntry::Kind::role) continue;
    const std::string name = part_for(h, spec, synths);
    if (name.empty())
      throw Error(fmt::format("the rule {} needs a {} for its role {}: name one", spec.rule, word(h.role), h.name));
    instance.roles[h.name] = load(name, word(h.role), search);
  }
  if (!spec.optimiser.empty()) instance.optimiser = load(spec.optimiser, "optimiser", search);
  for (const auto& [name, value] : spec.sizes) instance.sizes[dsl::canonical(name)] = value;
  for (const auto& [name, value] : spec.header) instance.header[dsl::canonical(name)] = value;
  instance.update = every(spec.update);
  instance.show = spec.show;
  for (const auto& [role, part] : instance.roles) {
    const std::string name = role + ".output";
    const bool known = std::find(spec.show.begin(), spec.show.end(), name) != spec.show.end();
    if (spec.outputs && !known && part->kind() == dsl::ItemKind::readout && !part->output_name.empty())
      instance.show.push_back(name);
  }
  instance.counted = spec.valid;
  return instance;
}

static std::shared_ptr<compiler::Program> elaborate(const compiler::Instance& instance, bool interpreter) {
  dsl::Diagnostics diagnostics;
  std::shared_ptr<compiler::Program> program = compiler::instantiate(instance, diagnostics);
  if (!program) throw dsl::SourceError(diagnostics);
  check_sizes(*program, interpreter);
  return program;
}

std::shared_ptr<compiler::Program> instantiate(const ProgramSpec& spec) {
  PartSearch search(spec.rule_paths);
  return instantiate(spec, search);
}

std::shared_ptr<compiler::Program> instantiate(const ProgramSpec& spec, PartSearch& search) {
  return elaborate(bind(spec, search), spec.interpreter);
}

std::shared_ptr<compiler::Program> scheduled(const ProgramSpec& spec,
                                             std::vector<compiler::RecurrenceSchedules>* table) {
  PartSearch search(spec.rule_paths);
  const compiler::Instance instance = bind(spec, search);
  compiler::ScheduleRequest request;
  request.wanted = spec.schedule;
  request.dense = spec.interpreter;
  request.online = spec.online.value_or(spec.update == Update::step);
  request.float64 = spec.float64;
  request.batch = spec.batch_hint;
  request.steps = spec.steps_hint;
  request.memory = static_cast<double>(spec.memory != 0 ? spec.memory : machine_memory());
  return compiler::choose_schedules([&] { return elaborate(instance, spec.interpreter); }, request, table);
}

// Asks the cache before anything else is done.
std::shared_ptr<const Program> compile(const ProgramSpec& spec) {
  auto program = std::make_shared<Program>();
  program->float64 = spec.float64 || spec.interpreter;
  if (spec.interpreter) {
    const std::shared_ptr<compiler::Program> graph = scheduled(spec);
    program->plan = std::make_shared<compiler::Plan>(compiler::plan_of(*graph));
    program->timetable = compiler::timetable_of(*program->plan);
    program->runner = compiler::make_interpreter(graph);
    return program;
  }
  compiler::CompileOptions options;
  options.float64 = spec.float64;
  options.cpu = spec.cpu;
  options.batch = spec.batch_hint;
  std::string version;
  try {
    version = compiler::code_version(options);
  } catch (const std::runtime_error& e) {  // a processor that is unknown or not this machine's
    throw Error(fmt::format("cpu = {}: {}", spec.cpu, e.what()));
  }
  const Cache cache(cache_folder(spec.cache));
  const std::string key = cache.used() ? program_key(spec, version) : "";
  const auto finish = [&](compiler::Executable executable, std::shared_ptr<compiler::PhaseRunner> runner) {
    program->runner = std::move(runner);
    program->plan = std::make_shared<compiler::Plan>(std::move(executable.plan));
    program->timetable = std::move(executable.timetable);
    check_sizes(*program->plan, true);
    return program;
  };
  const std::string entry = cache.folder() + '\n' + key;
  if (!key.empty()) ComingEntries::of_this_process().wait_for(entry);
  if (const auto kept = key.empty() ? std::nullopt : cache.load(spec.rule, key)) {
    try {
      program->from_cache = true;
      compiler::Executable executable = compiler::unpacked(*kept);
      auto runner = compiler::load(executable);
      return finish(std::move(executable), std::move(runner));
    } catch (const std::runtime_error&) {
      program->from_cache = false;  // an entry that does not load is compiled again
    }
  }
  const std::shared_ptr<compiler::Program> graph = scheduled(spec);
  if (!spec.float64) check_numbers(*graph);
  const auto keep = [cache, key, rule = spec.rule](const compiler::Executable& executable) {
    cache.store(rule, key, compiler::packed(executable));
  };
  compiler::Started started = compiler::start(
      *graph, options, key.empty() ? std::function<void(const compiler::Executable&)>() : keep);
  if (!key.empty()) ComingEntries::of_this_process().add(entry, started.runner);
  return finish(std::move(started.executable), std::move(started.runner));
}

}  // namespace eligo
