// What an `at each` block may look like: where its k runs, how far its equations reach, and that the steps of a
// revision lead from its beginning to its end.
#include <fmt/core.h>

#include <map>

#include "dsl/check.h"
#include "dsl/file.h"
#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

class Block {
 public:
  Block(const Statement& block, const Scope& scope, Diagnostics& diagnostics)
      : block_(block), scope_(scope), diagnostics_(diagnostics) {}

  void run() {
    const auto low = as_time_index(*block_.low), high = as_time_index(*block_.high);
    const bool begins = low && low->base == TimeBase::start && low->offset >= 0;
    const bool ends = high && high->base == TimeBase::t && high->offset <= 0;
    const std::string range = "for k in start..t-1, or start+1..t";
    if (!begins) error(block_.low->span, "k begins at `start`, or a fixed number of steps behind it", range);
    if (!ends) error(block_.high->span, "k ends at `t`, or a fixed number of steps before it", range);
    if (!begins || !ends) return;
    low_ = low->offset;
    high_ = high->offset;
    for (const Statement& s : block_.body)
      if (s.value) line(s);
    for (const auto& [name, lines] : revised_) revision(name, lines);
    for (const Statement& s : block_.body)
      if (s.value) reads(s);
  }

 private:
  struct Revised {
    const Statement *general = nullptr, *start = nullptr, *assign = nullptr;
  };

  void error(Span span, std::string message, std::string help = "") {
    Diagnostic& d = diagnostics_.error(Code::E0409, std::move(message), diagnostics_.current, span);
    if (!help.empty()) d.help.push_back(std::move(help));
  }

  static bool general(const Statement& s) { return !s.time || s.time->base == TimeBase::k; }
  static int shift(const Statement& s) { return s.time ? s.time->offset : 0; }

  void line(const Statement& s) {
    const Symbol* symbol = scope_.find(s.name);
    const bool parameters = symbol != nullptr && symbol->kind == SymbolKind::bundle;
    if (s.assign == AssignKind::assign) {
      if (parameters) revised_[s.name].assign = &s;
      else
        error(s.span,
              fmt::format("`{}` is no parameter: in an `at each` block `:=` ends a parameter's revision", s.name));
    } else if (parameters) {
      if (!general(s) && *s.time == TimeIndex{TimeBase::t, 0})
        error(s.span, fmt::format("a revision ends with what its last step left: {}[t] cannot be set", s.name));
      (general(s) ? revised_[s.name].general : revised_[s.name].start) = &s;
    } else if (general(s) && (low_ + shift(s) < 0 || high_ + shift(s) > 0)) {
      error(s.time_span, fmt::format("`{}` would reach beyond start..t", s.name),
            "shift the equation, or the range of k");
    }
  }

  void revision(const std::string& name, const Revised& r) {
    if (!r.general) return;  // reported where it is only set at a boundary
    if (!r.start)
      error(r.general->span, fmt::format("nothing says where the revision of {} begins", name),
            fmt::format("write {0}[start] = {0} before sequence", name));
    if (low_ + shift(*r.general) != 1 || high_ + shift(*r.general) != 0)
      error(r.general->time_span, fmt::format("the steps of {0} do not lead from {0}[start] to {0}[t]", name),
            fmt::format("write {0}[k+1] = … for k in start..t-1, or {0}[k] = … for k in start+1..t", name));
  }

  // A revision keeps θ of the index that it has reached only. (At the boundaries of other names, which index that is
  // depends on the order of the passes.)
  void reads(const Statement& s) {
    for (const Read& read : reads_of(*s.value)) {
      const auto found = revised_.find(read.path);
      if (found == revised_.end() || !read.time) continue;
      const Revised& r = found->second;
      if (&s == r.start || r.general == nullptr) {
        error(
            read.span, fmt::format("`{}` has no value here: its revision begins at this line", read.path),
            fmt::format("{0} alone is the parameter of the moment, `{0} before sequence` what it was at the beginning",
                        read.path));
        continue;
      }
      const TimeIndex has = &s == r.assign ? TimeIndex{TimeBase::t, 0} : TimeIndex{TimeBase::k, shift(*r.general) - 1};
      if (&s != r.assign && !general(s)) continue;
      if (*read.time != has)
        error(read.span,
              fmt::format("a revision keeps `{}` of the index that it has reached only: here that is {}[{}]", read.path,
                          read.path, print(has)),
              "what earlier or later ones are needed for, an equation of the block can hold");
    }
  }

  const Statement& block_;
  const Scope& scope_;
  Diagnostics& diagnostics_;
  int low_ = 0, high_ = 0;
  std::map<std::string, Revised> revised_;
};

}  // namespace

void check_blocks(const Scope& scope, Diagnostics& diagnostics) {
  for (const Statement& s : scope.item().statements)
    if (s.kind == StatementKind::at_each && scope.item().kind == ItemKind::rule) Block(s, scope, diagnostics).run();
}

}  // namespace eligo::dsl
