#include "compiler/loops/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "compiler/loops/build.h"
#include "compiler/loops/cells.h"
#include "compiler/loops/print.h"

namespace eligo::compiler::loops {
namespace {

struct Range {
  std::int64_t low = 0, high = 0;  // both inside
  bool inside(std::int64_t size) const { return low >= 0 && high < size; }
  bool apart(const Range& o) const { return high < o.low || o.high < low; }
};

// The places an affine expression reaches; batch loops are left out, `skip` marks loops held still.
Range reach(const std::vector<Loop>& loops, const std::vector<std::int64_t>& stride, std::int64_t offset,
            const std::vector<bool>& skip = {}) {
  Range r{offset, offset};
  for (std::size_t l = 0; l < stride.size(); ++l) {
    if (loops[l].batch || (!skip.empty() && skip[l])) continue;
    const std::int64_t span = stride[l] * (loops[l].extent - 1);
    (span < 0 ? r.low : r.high) += span;
  }
  return r;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

// Whether two affine places never meet except at equal values of the loops that they share: take the loops they step
// alike, widest stride first; as long as the rest of both stays within one and the same step, only that rest matters.
bool never_meet(const std::vector<Loop>& loops, const Access& a, const Access& b) {
  std::vector<std::size_t> shared;
  for (std::size_t l = 0; l < loops.size(); ++l)
    if (a.stride[l] == b.stride[l] && a.stride[l] > 0) shared.push_back(l);
  std::sort(shared.begin(), shared.end(), [&](std::size_t x, std::size_t y) { return a.stride[x] > a.stride[y]; });
  std::vector<bool> held(loops.size(), false);
  for (const std::size_t l : shared) held[l] = loops[l].batch;
  const auto reaches = [&](const Access& x) { return reach(loops, x.stride, x.offset, held); };
  if (reaches(a).apart(reaches(b))) return true;
  for (const std::size_t l : shared) {
    held[l] = true;
    const Range x = reaches(a), y = reaches(b);
    const std::int64_t step = a.stride[l], cell = floor_divide(x.low, step);
    for (const std::int64_t end : {x.high, y.low, y.high})
      if (floor_divide(end, step) != cell) return false;
    if (x.apart(y)) return true;
  }
  return false;
}

bool same_place(const Access& a, const Access& b) {
  return a.buffer == b.buffer && a.offset == b.offset && a.stride == b.stride && a.gather == b.gather &&
         (a.gather < 0 || (a.gather_offset == b.gather_offset && a.gather_loops == b.gather_loops &&
                           a.gather_stride == b.gather_stride));
}

bool holds(const std::vector<int>& all, int x) { return std::find(all.begin(), all.end(), x) != all.end(); }

class StatementVerifier {
 public:
  StatementVerifier(const Module& module, const Statement& s, std::vector<std::string>& problems, std::string where,
                    const Fusion* fusion)
      : module_(module),
        s_(s),
        problems_(problems),
        where_(std::move(where)),
        bound_(s.loops.size(), false),
        fusion_(fusion) {}

  void run() {
    if (s_.outer < 0 || s_.outer > static_cast<int>(s_.loops.size()))
      return say("outer is {} of {} loops", s_.outer, s_.loops.size());
    for (const Loop& l : s_.loops)
      if (l.extent < 1) return say("loop {} has extent {}", l.name, l.extent);
    if (fusion_ && (s_.outer < 1 || s_.loops[0].batch || s_.loops[0].extent != fusion_->trips))
      return say("the first loop is not that of its fusion, of {} trips", fusion_->trips);
    std::fill_n(bound_.begin(), s_.outer, true);
    out_sound_ = access(s_.out, true);
    if (out_sound_) store();
    value(s_.value);
  }

 private:
  template <class... T>
  void say(fmt::format_string<T...> format, T&&... args) {
    problems_.push_back(where_ + fmt::format(format, std::forward<T>(args)...));
  }

  bool buffer_known(int b) const { return b >= 0 && b < static_cast<int>(module_.buffers.size()); }
  const Buffer& buffer(int b) const { return module_.buffers[static_cast<std::size_t>(b)]; }

  void store() {
    if (buffer(s_.out.buffer).element != Element::real)
      say("stores to the integer buffer {}", buffer(s_.out.buffer).name);
    if (s_.accumulate || s_.out.gather >= 0) return;
    const bool local = fusion_ && holds(fusion_->local, s_.out.buffer);
    for (int l = local ? 1 : 0; l < s_.outer; ++l) {
      const Loop& loop = s_.loops[static_cast<std::size_t>(l)];
      if (s_.out.stride[static_cast<std::size_t>(l)] == 0 && (loop.extent > 1 || loop.batch))
        say("stores to one place for every {}, without +=", loop.name);
    }
  }

  // One affine place in one buffer. True when it is sound.
  bool place(int b, const std::vector<std::int64_t>& stride, std::int64_t offset, const std::string& shown) {
    if (stride.size() != s_.loops.size())
      return say("{} has {} strides for {} loops", shown, stride.size(), s_.loops.size()), false;
    int batch_loops = 0;
    for (std::size_t l = 0; l < stride.size(); ++l) {
      if (stride[l] == 0) continue;
      if (!bound_[l]) return say("{} uses loop {} outside of it", shown, s_.loops[l].name), false;
      if (!s_.loops[l].batch) continue;
      ++batch_loops;
      if (!buffer(b).batched) return say("{} steps by example through a buffer that is not batched", shown), false;
      if (stride[l] != buffer(b).size)
        return say("{} steps {} by example, an example of {} is {}", shown, stride[l], buffer(b).name, buffer(b).size),
               false;
    }
    if (buffer(b).batched && batch_loops != 1) return say("{} needs one batch loop, has {}", shown, batch_loops), false;
    const Range r = reach(s_.loops, stride, offset);
    if (!r.inside(buffer(b).size))
      return say("{} reaches [{}, {}] of {} elements", shown, r.low, r.high, buffer(b).size), false;
    return true;
  }

  bool access(const Access& a, bool output) {
    if (!buffer_known(a.buffer)) return say("no buffer {}", a.buffer), false;
    const std::string shown = text(module_, s_, a);
    if (!place(a.buffer, a.stride, a.offset, shown)) return false;
    if (a.gather >= 0) {
      if (!buffer_known(a.gather)) return say("no buffer {}", a.gather), false;
      if (buffer(a.gather).element != Element::int32) return say("{} gathers through a buffer of reals", shown), false;
      if (!place(a.gather, a.gather_loops, a.gather_offset, shown)) return false;
    }
    if (!output && out_sound_ && a.buffer == s_.out.buffer && !same_place(a, s_.out) &&
        (a.gather >= 0 || s_.out.gather >= 0 || !never_meet(s_.loops, a, s_.out)))
      say("reads {} while it writes {}", shown, text(module_, s_, s_.out));
    return true;
  }

  void value(const ValuePtr& v) {
    if (!v) return say("a value is missing");
    switch (v->kind) {
      case ValueKind::constant: return;
      case ValueKind::load: access(v->access, false); return;
      case ValueKind::apply:
        if (static_cast<int>(v->args.size()) != op_arity(v->op))
          say("{} of {} operands", op_name(v->op), v->args.size());
        for (const ValuePtr& a : v->args) value(a);
        return;
      case ValueKind::reduce:
      case ValueKind::reduce_max: reduce(*v); return;
    }
  }

  void reduce(const Value& v) {
    if (v.args.size() != 1 || v.over.empty()) return say("a reduce needs a body and loops");
    for (const int l : v.over) {
      if (l < s_.outer || l >= static_cast<int>(s_.loops.size()))
        return say("reduces over loop {}, which is not its own", l);
      if (bound_[static_cast<std::size_t>(l)])
        return say("reduces twice over {}", s_.loops[static_cast<std::size_t>(l)].name);
    }
    for (const int l : v.over) bound_[static_cast<std::size_t>(l)] = true;
    value(v.args[0]);
    for (const int l : v.over) bound_[static_cast<std::size_t>(l)] = false;
  }

  const Module& module_;
  const Statement& s_;
  std::vector<std::string>& problems_;
  std::string where_;
  std::vector<bool> bound_;  // loops in whose scope we are
  const Fusion* fusion_;     // that it is in, if any
  bool out_sound_ = false;
};

bool identifier(const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), good);
}

// What one statement writes in a trip, the others touch in that trip only.
class FusionVerifier {
 public:
  FusionVerifier(const Module& module, const Function& function, const Fusion& fusion)
      : module_(module), function_(function), fusion_(fusion) {}

  std::vector<std::string> run() {
    for (int i = 0; i < fusion_.count; ++i) {
      const Statement& s = function_.statements[static_cast<std::size_t>(fusion_.first + i)];
      if (holds(fusion_.local, s.out.buffer) && !s.accumulate) written_.insert(s.out.buffer);
      for (const Access* a : loads_of(s.value)) check(*a);
      if (s.accumulate) check(s.out);
      stores(i, s);
    }
    return std::move(problems_);
  }

 private:
  const Statement& at(int i) const { return function_.statements[static_cast<std::size_t>(fusion_.first + i)]; }
  const std::string& name(int buffer) const { return module_.buffers[static_cast<std::size_t>(buffer)].name; }

  void check(const Access& a) {
    if (holds(fusion_.local, a.buffer) && !written_.contains(a.buffer))
      problems_.push_back(fmt::format("{} is read before a trip writes it", name(a.buffer)));
    if (a.gather >= 0 && holds(fusion_.local, a.buffer))
      problems_.push_back(fmt::format("{} holds a trip's values only, and is read through a wiring", name(a.buffer)));
  }

  // All that touches what this statement writes.
  void stores(int i, const Statement& s) {
    if (holds(fusion_.local, s.out.buffer)) return;
    for (int k = 0; k < fusion_.count; ++k) {
      const Statement& other = at(k);
      std::vector<const Access*> touched = loads_of(other.value);
      if (k != i) touched.push_back(&other.out);
      for (const Access* a : touched) {
        if (a->buffer != s.out.buffer) continue;
        const std::int64_t step = s.out.gather >= 0 ? 0 : s.out.stride[0], all = step / fusion_.values * fusion_.extent;
        const auto cell = cell_of(s, s.out, 0, step, all);
        if (!cell || cell != cell_of(other, *a, 0, step, all))
          problems_.push_back(fmt::format("{} is written in one trip and touched in another: {}", name(s.out.buffer),
                                          text(module_, other, *a)));
      }
    }
  }

  const Module& module_;
  const Function& function_;
  const Fusion& fusion_;
  std::set<int> written_;
  std::vector<std::string> problems_;
};

// Each fusion is a range of the statements, behind the one before it.
bool ranges_sound(const Function& f) {
  int end = 0;
  for (const Fusion& fusion : f.fusions) {
    if (fusion.first < end || fusion.count < 1 || fusion.trips < 1 || fusion.values < 1 || fusion.examples < 0) return false;
    end = fusion.first + fusion.count;
  }
  return end <= static_cast<int>(f.statements.size());
}

}  // namespace

std::vector<std::string> verify(const Module& module) {
  std::vector<std::string> problems;
  for (const Buffer& b : module.buffers)
    if (b.size < 0) problems.push_back(fmt::format("buffer {} has size {}", b.name, b.size));
  std::set<std::string> names;
  for (const Function& f : module.functions) {
    if (!identifier(f.name)) problems.push_back(fmt::format("'{}' is no name for a kernel", f.name));
    if (!names.insert(f.name).second) problems.push_back(fmt::format("{} is there twice", f.name));
    if (!ranges_sound(f)) {
      problems.push_back(fmt::format("{}: its fusions are no ranges of statements in order", f.name));
      continue;
    }
    const std::size_t before = problems.size();
    for (std::size_t i = 0; i < f.statements.size(); ++i) {
      const Statement& s = f.statements[i];
      StatementVerifier(module, s, problems, fmt::format("{}: {}: ", f.name, s.label), fusion_of(f, i)).run();
    }
    if (problems.size() > before) continue;
    for (const Fusion& each : f.fusions)
      for (const std::string& problem : FusionVerifier(module, f, each).run())
        problems.push_back(fmt::format("{}: {}", f.name, problem));
  }
  return problems;
}

}  // namespace eligo::compiler::loops
