#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

const Expr& root_of(const Expr& e) { return e.kind == ExprKind::member ? root_of(*e.args[0]) : e; }

void collect(const Expr& e, std::vector<Read>& out) {
  std::size_t first = 0;
  if (e.kind == ExprKind::name) {
    out.push_back({e.name, e.name, std::nullopt, e.span});
    return;
  }
  if (e.kind == ExprKind::member) {
    const std::string path = path_of(e);
    if (!path.empty()) {
      out.push_back({root_of(e).name, path, std::nullopt, e.span});
      return;
    }
  }
  if (e.kind == ExprKind::index) {
    const std::string path = path_of(*e.args[0]);
    const auto time = as_time_index(*e.args[1]);
    if (!path.empty()) {
      const bool timed = time && e.args.size() == 2;
      out.push_back({root_of(*e.args[0]).name, path, timed ? time : std::nullopt, e.span});
      first = timed ? 2 : 1;
    }
  }
  for (std::size_t i = first; i < e.args.size(); ++i) collect(*e.args[i], out);
  for (const ExprPtr& p : e.overrides) collect(*p, out);
}

}  // namespace

std::string path_of(const Expr& e) {
  if (e.kind == ExprKind::name) return e.name;
  if (e.kind != ExprKind::member) return "";
  const std::string inner = path_of(*e.args[0]);
  return inner.empty() ? "" : inner + "." + e.name;
}

std::vector<Read> reads_of(const Expr& e) {
  std::vector<Read> out;
  collect(e, out);
  return out;
}

void for_each_part(const Expr& e, const std::function<void(const Expr&)>& visit) {
  visit(e);
  for (const ExprPtr& a : e.args) for_each_part(*a, visit);
  for (const ExprPtr& p : e.overrides) for_each_part(*p, visit);
}

}  // namespace eligo::dsl
