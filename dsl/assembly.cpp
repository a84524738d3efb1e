#include "dsl/assembly.h"

#include "dsl/resolve.h"

namespace eligo::dsl {
namespace {

TimeIndex time_of(const Statement& s) { return s.time.value_or(TimeIndex{TimeBase::t, 0}); }

UpdateClause clause_of(const std::string& every) {
  if (every == "step") return UpdateClause::step;
  if (every == "window") return UpdateClause::window;
  return every == "sequence" ? UpdateClause::sequence : UpdateClause::none;
}

void define(TypedEquation& equation, const TypedLine& line, bool general) {
  equation.name = line.name();
  equation.record = equation.record || line.source->record;
  if (general) equation.general = line;
  else equation.boundaries[line.source->time->base] = line;
}

void of_statistics(TypedStatistics& block, const TypedLine& line) {
  if (line.source->assign == AssignKind::assign) block.assigns.push_back(line);
  else block.equations[line.name()] = line;
}

}  // namespace

Assembly::Assembly(TypedItem& item) : item_(item) {
  for (const HeaderEntry& h : item.syntax.header)
    if (h.kind == HeaderEntry::Kind::role) item.roles.push_back({&h, nullptr, -1});
}

void Assembly::line(const Inference& inference, const Statement& s, const Statement* block, const Shape& shape) {
  if (block != nullptr && block != block_) open(*block);
  Resolver resolver(item_.scope, inference);
  const TypedLine line = resolver.line(s, shape);
  note_calls(resolver, block);
  if (block == nullptr) of_item(line, resolver);
  else if (block->kind == StatementKind::at_each) of_block(item_.blocks.back(), line, resolver, inference);
  else of_statistics(item_.statistics.back(), line);
}

void Assembly::finish(const Inference& inference) {
  Resolver resolver(item_.scope, inference);
  declarations(resolver);
  for (auto& [name, equation] : item_.equations) {
    const auto inferred = inference.names.find(name);
    const Symbol* symbol = item_.scope.find(name);
    equation.shape = inferred != inference.names.end() ? inferred->second.shape : Shape::of(symbol->axes);
  }
  for (const Statement& s : item_.syntax.statements)
    if (s.kind == StatementKind::window) window(s);
  if (item_.kind() == ItemKind::rule) times();
}

// Of a rule, as dsl/time.h found them.
void Assembly::times() {
  const RuleTime& time = item_.time;
  for (auto& [name, equation] : item_.equations) equation.time = time.names.at(name);
  for (std::size_t i = 0; i < item_.learns.size(); ++i) item_.learns[i].time = time.learns.at(i);
  for (std::size_t i = 0; i < item_.statistics.size(); ++i) item_.statistics[i].time = time.statistics.at(i);
  for (std::size_t i = 0; i < item_.blocks.size(); ++i) {
    TypedBlock& block = item_.blocks[i];
    block.groups = time.blocks.at(i).groups;
    for (auto& [name, equation] : block.equations) equation.time.direction = time.blocks.at(i).directions.at(name);
  }
}

void Assembly::open(const Statement& s) {
  block_ = &s;
  if (s.kind == StatementKind::at_each) {
    const auto low = as_time_index(*s.low), high = as_time_index(*s.high);
    item_.blocks.push_back({&s, low ? low->offset : 0, high ? high->offset : 0, {}, {}, {}});
  } else {
    item_.changes.push_back({std::nullopt, item_.statistics.size()});
    item_.statistics.push_back({&s, {}, {}, {}});
  }
}

void Assembly::note_calls(const Resolver& resolver, const Statement* block) {
  const bool inside = block != nullptr && block->kind == StatementKind::at_each;
  for (TypedRole& role : item_.roles) {
    const auto call = resolver.calls.find(role.entry->name);
    if (role.first_call || call == resolver.calls.end()) continue;
    role.first_call = call->second;
    role.block = inside ? static_cast<int>(item_.blocks.size()) - 1 : -1;
  }
}

void Assembly::of_item(const TypedLine& line, Resolver& resolver) {
  const Statement& s = *line.source;
  switch (s.kind) {
    case StatementKind::loss: item_.loss = line; return;
    case StatementKind::output:
      item_.output = line;
      item_.output_name = s.name;
      if (!s.has_equation) return;
      break;
    case StatementKind::learn: {
      TypedLearn learn{line, resolver.target(s.name, s.name_span), {}, clause_of(s.every), nullptr};
      if (s.clip) learn.clip = resolver.expression(*s.clip);
      item_.learns.push_back(std::move(learn));
      return;
    }
    case StatementKind::equation: break;
    default: return;
  }
  if (s.assign == AssignKind::assign) item_.changes.push_back({line, 0});
  else define(item_.equations[s.name], line, time_of(s).base == TimeBase::t);
}

void Assembly::of_block(TypedBlock& block, const TypedLine& line, Resolver& resolver, const Inference& inference) {
  const Statement& s = *line.source;
  const Symbol* symbol = item_.scope.find(s.name);
  const bool general = !s.time || s.time->base == TimeBase::k;
  if (symbol == nullptr || symbol->kind != SymbolKind::bundle) {
    TypedEquation& equation = block.equations[s.name];
    define(equation, line, general);
    equation.shape = inference.locals.at(s.name).shape;
    return;
  }
  TypedRevision& revision = block.revised[s.name];
  revision.target = resolver.target(s.name, s.name_span);
  (s.assign == AssignKind::assign ? revision.assign : general ? revision.general : revision.start) = line;
}

void Assembly::declarations(Resolver& resolver) {
  for (const Statement& s : item_.syntax.statements) {
    for (const Declaration& d : s.decls) {
      TypedDeclaration out;
      out.symbol = item_.scope.find(d.name);
      for (std::size_t i = 0; i < d.axes.size(); ++i) out.axes.push_back(resolver.axis(d.axes[i], d.axis_spans[i]));
      for (const ExprPtr& a : d.init.args) out.init.push_back(resolver.expression(*a));
      if (d.low) out.low = resolver.expression(*d.low);
      if (d.high) out.high = resolver.expression(*d.high);
      item_.declarations.push_back(std::move(out));
    }
    if (s.kind == StatementKind::state && item_.output_name.empty()) item_.output_name = s.decls.front().name;
  }
}

void Assembly::window(const Statement& s) {
  TypedWindow out{s.span, -1, "", s.short_first};
  if (s.value->kind == ExprKind::number) out.steps = static_cast<std::int64_t>(s.value->number);
  else if (s.value->name != "all") out.number = s.value->name;
  item_.window = out;
}

}  // namespace eligo::dsl
