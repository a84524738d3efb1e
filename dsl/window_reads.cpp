#include "dsl/window_reads.h"

#include <algorithm>

namespace eligo::dsl {
namespace {

class WindowReads {
 public:
  WindowReads(const Item& rule, const RuleTime& time) : time_(time) {
    for (const Statement& s : rule.statements) {
      if (s.kind != StatementKind::equation || s.assign != AssignKind::define || !s.value) continue;
      if (!s.time || s.time->base == TimeBase::t) general_[s.name] = &s;
      else if (s.time->base == TimeBase::end) at_end_[s.name] = &s;
    }
  }

  int of(const Expr& e) {
    int far = 0;
    if (e.kind == ExprKind::index && e.args.size() == 2) {
      if (const auto at = as_time_index(*e.args[1])) {
        const Expr& base = *e.args[0];
        if (base.kind != ExprKind::name || !general_.contains(base.name)) return at->offset;
        const NameTime& name = time_.names.at(base.name);
        if (name.direction == Direction::backward && at->offset > 0) return 0;
        return at->offset + (name.direction == Direction::forward ? name.ahead : of_name(base.name));
      }
    }
    for (const ExprPtr& a : e.args) far = std::max(far, of(*a));
    return far;
  }

 private:
  // Without positive steps along backward recurrences no name leads back to itself, but in a faulty rule.
  int of_name(const std::string& name) {
    const auto [known, fresh] = known_.try_emplace(name, 0);
    if (!fresh) return known->second;
    int far = of(*general_.at(name)->value);
    if (const auto end = at_end_.find(name); end != at_end_.end()) far = std::max(far - 1, of(*end->second->value));
    return known_[name] = far;
  }

  const RuleTime& time_;
  std::map<std::string, const Statement*> general_, at_end_;
  std::map<std::string, int> known_;
};

}  // namespace

void read_beyond_windows(const Item& rule, RuleTime& time) {
  WindowReads reads(rule, time);
  std::size_t learn = 0, block = 0;
  for (const Statement& s : rule.statements) {
    if (s.kind == StatementKind::learn) {
      LearnTime& line = time.learns.at(learn++);
      if (line.when != LineWhen::arrive) line.beyond = std::max(0, reads.of(*s.value));
    }
    if (s.kind != StatementKind::per_neuron) continue;
    StatisticsTime& statistics = time.statistics.at(block++);
    int& beyond = statistics.beyond;
    for (const Statement& line : s.body)
      if (line.value) beyond = std::max(beyond, reads.of(*line.value));
  }
}

}  // namespace eligo::dsl
