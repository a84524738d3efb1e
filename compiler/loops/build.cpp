#include "compiler/loops/build.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace eligo::compiler::loops {
namespace {

using Change = std::function<ValuePtr(ValuePtr)>;

ValuePtr rewritten(const ValuePtr& value, const Change& change, std::unordered_map<const Value*, ValuePtr>& done) {
  if (const auto known = done.find(value.get()); known != done.end()) return known->second;
  ValuePtr now = value;
  std::vector<ValuePtr> operands;
  for (const ValuePtr& operand : value->args) operands.push_back(rewritten(operand, change, done));
  if (operands != value->args) {
    auto copy = std::make_shared<Value>(*value);
    copy->args = std::move(operands);
    now = std::move(copy);
  }
  return done[value.get()] = change(now);
}

void collect_loads(const ValuePtr& value, std::unordered_set<const Value*>& seen, std::vector<const Access*>& all) {
  if (!seen.insert(value.get()).second) return;
  if (value->kind == ValueKind::load) all.push_back(&value->access);
  for (const ValuePtr& operand : value->args) collect_loads(operand, seen, all);
}

ValuePtr reduction(ValueKind kind, std::vector<int> over, ValuePtr body) {
  auto v = std::make_shared<Value>();
  v->kind = kind;
  v->over = std::move(over);
  v->args = {std::move(body)};
  return v;
}

}  // namespace

ValuePtr constant(double number) {
  auto v = std::make_shared<Value>();
  v->kind = ValueKind::constant;
  v->constant = number;
  return v;
}

ValuePtr load(Access access) {
  auto v = std::make_shared<Value>();
  v->kind = ValueKind::load;
  v->access = std::move(access);
  return v;
}

ValuePtr apply(Op op, std::vector<ValuePtr> operands) {
  auto v = std::make_shared<Value>();
  v->kind = ValueKind::apply;
  v->op = op;
  v->args = std::move(operands);
  return v;
}

ValuePtr sum(std::vector<int> over, ValuePtr body) {
  return reduction(ValueKind::reduce, std::move(over), std::move(body));
}

ValuePtr largest(std::vector<int> over, ValuePtr body) {
  return reduction(ValueKind::reduce_max, std::move(over), std::move(body));
}

ValuePtr rewrite(const ValuePtr& value, const Change& change) {
  std::unordered_map<const Value*, ValuePtr> done;
  return rewritten(value, change, done);
}

ValuePtr with_accesses(const ValuePtr& value, const std::function<void(Access&)>& change) {
  return rewrite(value, [&](ValuePtr v) -> ValuePtr {
    if (v->kind != ValueKind::load) return v;
    auto copy = std::make_shared<Value>(*v);
    change(copy->access);
    return copy;
  });
}

std::vector<const Access*> loads_of(const ValuePtr& value) {
  std::vector<const Access*> all;
  std::unordered_set<const Value*> seen;
  collect_loads(value, seen, all);
  return all;
}

const Fusion* fusion_of(const Function& function, std::size_t statement) {
  const auto number = static_cast<int>(statement);
  for (const Fusion& fusion : function.fusions)
    if (fusion.first <= number && number < fusion.first + fusion.count) return &fusion;
  return nullptr;
}

Function alone(const Function& function, std::size_t statement, std::string name) {
  Function one{std::move(name), {function.statements[statement]}, {}};
  if (const Fusion* const fusion = fusion_of(function, statement)) {
    one.fusions = {*fusion};
    one.fusions[0].first = 0;
    one.fusions[0].count = 1;
  }
  return one;
}

}  // namespace eligo::compiler::loops
