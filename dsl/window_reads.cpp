#include "dsl/window_reads.h"

#include <algorithm>
#include <set>

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
        const bool equation = base.kind == ExprKind::name && general_.contains(base.name);
        if (equation && time_.names.at(base.name).direction == Direction::backward && at->offset > 0) return 0;
        return at->offset + (equation ? of_name(base.name) : 0);
      }
    }
    for (const ExprPtr& a : e.args) far = std::max(far, of(*a));
    return far;
  }

 private:
  int of_name(const std::string& name) {
    if (!active_.insert(name).second) return 0;
    int far = of(*general_.at(name)->value);
    if (const auto end = at_end_.find(name); end != at_end_.end()) far = std::max(far - 1, of(*end->second->value));
    active_.erase(name);
    return far;
  }

  const RuleTime& time_;
  std::map<std::string, const Statement*> general_, at_end_;
  std::set<std::string> active_;
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
