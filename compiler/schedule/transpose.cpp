#include "compiler/schedule/transpose.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include <fmt/core.h>

#include "compiler/ir/rewrite.h"
#include "compiler/schedule/trace_walk.h"

namespace eligo::compiler {
namespace {

constexpr TimeRef now{When::t, 0}, next{When::t, 1};

class Transposer {
 public:
  Transposer(Program& program, int tensor, const Schedule& schedule)
      : p_(program), g_(program.graph), v_(program.graph), reads_(program), tensor_(tensor), schedule_(schedule) {}

  void run() {
    find_store();
    find_lines();
    check_updates();
    std::set<TimeRef> times;
    blocks_ = cut_blocks(store_.node, p_.tensors[tensor_].axes);
    if (blocks_.empty() || !reads_.only(tensor_, times))
      throw NotTransposable("it is not made and read block by block");
    try_columns();
    commit();
  }

 private:
  struct Line {
    std::size_t phase = 0;
    Root root;
    Ref node = nullptr;  // moved so that it reads the trace at t
    int lag = 0;
  };
  // A line's part of the walk back, for one choice of columns.
  struct Job {
    Line* line = nullptr;
    int carried = -1;                    // the cotangent's tensor
    Ref seed = nullptr, step = nullptr;  // what the line sends it; what the step after sends it
    std::vector<Use> added, own;         // gathered from w; of the line itself, without the trace
  };

  bool reverse() const { return schedule_.kind == Schedule::Kind::reverse; }

  void find_store() {
    int stores = 0;
    for (const Phase& phase : p_.phases)
      for (const Root& root : phase.roots)
        if (root.kind == RootKind::store && root.tensor == tensor_) {
          store_ = root;
          ++stores;
          if (!phase.is(PhaseKind::arrive)) throw NotTransposable("it is not computed on arrival");
        }
    if (stores != 1) throw NotTransposable("it is not computed in one place");
    if (!p_.blocks.empty()) throw NotTransposable("an `at each` block reads each arrival as it comes");
    if (reverse() && p_.window != -1)
      throw NotTransposable("the rule's windows are shorter than a sequence, and the trace is carried into them");
  }

  std::set<TimeRef> times_read(Ref node) const {
    std::set<TimeRef> times;
    for (Ref leaf : postorder({node}))
      if (leaf->kind == NodeKind::leaf && leaf->tensor == tensor_) times.insert(leaf->time);
    return times;
  }

  void find_lines() {
    for (std::size_t i = 0; i < p_.phases.size(); ++i)
      for (const Root& root : p_.phases[i].roots) {
        const std::set<TimeRef> times = times_read(root.node);
        if (times.empty()) continue;
        if (root.kind == RootKind::store && root.tensor == tensor_) {
          if (times.size() != 1 || *times.begin() != store_.time.shifted(-1))
            throw NotTransposable("it reads more than its value of the step before");
          continue;
        }
        check_reader(p_.phases[i], root);
        if (times.size() != 1) throw NotTransposable("a line reads it at several steps");
        const int lag = -times.begin()->offset;
        lines_.push_back({i, root, shift(p_, root.node, {When::t, lag}), lag});
      }
    if (lines_.empty()) throw NotTransposable("no line learns from it");
    for (const Line& line : lines_)
      if (!reverse() && line.lag != lines_.front().lag)
        throw NotTransposable("its lines read it at different distances");
  }

  void check_reader(const Phase& phase, const Root& root) const {
    const Tensor& reader = p_.tensors[root.tensor];
    if (reader.kind == TensorKind::shown) throw NotTransposable("its values are shown");
    if (root.kind != RootKind::gather) throw NotTransposable(fmt::format("{} reads it", reader.name));
    const bool learns =
        std::any_of(p_.learned.begin(), p_.learned.end(), [&](const Learned& l) { return l.gradient == root.tensor; });
    const bool clipped =
        std::any_of(p_.clips.begin(), p_.clips.end(), [&](const Clip& c) { return c.gathered == root.tensor; });
    if (clipped && reverse()) throw NotTransposable("what a step adds is clipped, so it must be known by itself");
    if (!learns && !clipped) throw NotTransposable("a statistic reads it");
    if (!phase.is(PhaseKind::arrive)) throw NotTransposable("a line that waits for the window's end reads it");
    if (reader.per_step) throw NotTransposable("it teaches a parameter that has a value for each step");
  }

  // Parameters that change inside a sequence.
  std::set<int> changing() const {
    std::set<int> found;
    for (const Learned& l : p_.learned)
      if (l.every == UpdateEvery::step || (l.every == UpdateEvery::window && p_.window >= 0)) found.insert(l.parameter);
    return found;
  }

  void check_updates() {
    const std::set<int> moved = changing();
    if (reverse())
      for (const Learned& l : p_.learned)
        for (const Line& line : lines_)
          if (line.root.tensor == l.gradient && moved.contains(l.parameter))
            throw NotTransposable(
                fmt::format("{} changes before the sequence ends, and is read", p_.tensors[l.parameter].name));
    if (moved.empty()) return;
    if (!reverse()) {
      store_.node = as_taken(store_.node, moved);
      return;
    }
    std::vector<Ref> roots = {store_.node};
    for (const Line& line : lines_) roots.push_back(line.root.node);
    for (Ref root : roots)
      for (Ref leaf : leaves_of(p_, root))
        if (moved.contains(leaf->tensor) && leaf->time.base == When::always)
          throw NotTransposable(
              fmt::format("{} changes inside a sequence, so its factors would be recomputed with other "
                          "values than they had",
                          p_.tensors[leaf->tensor].name));
  }

  // Parameters as they were when the trace was computed.
  Ref as_taken(Ref root, const std::set<int>& moved) {
    return substitute_nodes(g_, root, [&](Ref node) -> Ref {
      const bool change =
          node->kind == NodeKind::leaf && node->time.base == When::always && moved.contains(node->tensor);
      return change ? p_.leaf(node->tensor, now) : nullptr;
    });
  }

  // Axes that pass through unchanged are columns: as many of them, and as large, as can be.
  void try_columns() {
    const std::vector<Axis> axes = p_.tensors[tensor_].axes;  // a copy: the table grows below
    std::vector<std::pair<double, unsigned>> choices;
    for (unsigned set = 1; set < 1u << axes.size(); ++set) {
      double columns = 1;
      for (std::size_t i = 0; i < axes.size(); ++i)
        if (set >> i & 1) columns *= static_cast<double>(axes[i].extent);
      choices.emplace_back(-columns, set);
    }
    std::sort(choices.begin(), choices.end());
    std::string reason = "none of its axes passes from step to step";
    int depth = -1;
    for (const auto& [order, set] : choices) {
      is_column_.clear();
      for (std::size_t i = 0; i < axes.size(); ++i) is_column_.push_back((set >> i & 1) != 0);
      try {
        make_jobs();
        return;
      } catch (const NotTransposable& e) {
        if (e.depth > depth) reason = e.what();
        depth = std::max(depth, e.depth);
        p_.tensors.resize(tensors_);
        jobs_.clear();
      }
    }
    throw NotTransposable(reason);
  }

  void make_jobs() {
    for (Line& line : lines_) {
      Job job = make_job(line, jobs_.empty() ? new_carried() : jobs_.front().carried);
      const auto same = std::find_if(jobs_.begin(), jobs_.end(),
                                     [&](const Job& j) { return j.seed == job.seed && j.step == job.step; });
      // The equations are compared as if they were the first one's; others get a tensor of their own.
      if (!jobs_.empty() && same == jobs_.end()) job = make_job(line, new_carried());
      else if (same != jobs_.end() && same->carried != job.carried) job = make_job(line, same->carried);
      jobs_.push_back(std::move(job));
    }
  }

  std::vector<Axis> state_axes() const {
    std::vector<Axis> axes;
    for (std::size_t i = 0; i < is_column_.size(); ++i)
      if (!is_column_[i]) axes.push_back(p_.tensors[tensor_].axes[i]);
    return axes;
  }

  int new_carried() {
    const Tensor& trace = p_.tensors[tensor_];
    Tensor t;
    t.name = "back." + trace.name;
    while (p_.find(t.name) >= 0) t.name += "'";
    t.kind = TensorKind::backward;
    t.axes = state_axes();
    for (const Axis& axis : t.axes) t.dims.push_back(axis.extent);
    t.batched = true;
    t.masked = true;
    t.at_start = trace.at_start;
    t.origin = trace.origin;
    p_.tensors.push_back(std::move(t));
    return static_cast<int>(p_.tensors.size()) - 1;
  }

  BlockKey joined(const BlockKey& state, const BlockKey& column) const {
    BlockKey key;
    std::size_t s = 0, c = 0;
    for (const bool is_column : is_column_) key.push_back(is_column ? column[c++] : state[s++]);
    return key;
  }

  // The columns that a line reads: one member of each column axis.
  BlockKey column_of(const Line& line) {
    std::set<BlockKey> found;
    const auto& reads = reads_.at(tensor_, now);
    std::unordered_map<Ref, BlockKey> known;
    for (const auto& [key, node] : reads) known[node] = key;
    for (Ref node : postorder({line.node}))
      if (auto at = known.find(node); at != known.end()) {
        BlockKey column;
        for (std::size_t i = 0; i < is_column_.size(); ++i)
          if (is_column_[i]) column.push_back(at->second[i]);
        found.insert(column);
      }
    if (found.size() != 1) throw NotTransposable("a line reads several of its columns");
    return *found.begin();
  }

  std::vector<Extent> column_dims(const BlockKey& column) const {
    std::vector<Extent> dims;
    std::size_t c = 0;
    for (std::size_t i = 0; i < is_column_.size(); ++i) {
      if (!is_column_[i]) continue;
      const Axis& axis = p_.tensors[tensor_].axes[i];
      const int member = column[c++];
      if (!axis.bundle) dims.push_back(axis.extent);
      else
        dims.insert(dims.end(), axis.bundle->members[static_cast<std::size_t>(member)].dims.begin(),
                    axis.bundle->members[static_cast<std::size_t>(member)].dims.end());
    }
    return dims;
  }

  TraceWalk walk(TimeRef reads, const BlockKey& column) {
    return {p_, tensor_, reads_.at(tensor_, reads), is_column_, column, column_dims(column)};
  }

  static Ref total(Graph& g, const std::vector<Use>& terms, const std::vector<Extent>& dims) {
    return terms.size() == 1 && is_whole(terms[0], dims) && terms[0].coefficient == 1 ? terms[0].node
                                                                                      : g.sum(terms, dims);
  }

  // One cotangent from those of its blocks.
  Ref flat(const std::map<BlockKey, std::vector<Use>>& states) {
    Value value;
    value.axes = state_axes();
    for (const auto& [key, terms] : states) {
      std::vector<Extent> dims;
      for (const Axis& axis : block_axes(value.axes, key)) dims.push_back(axis.extent);
      value.blocks[key] = total(g_, terms, dims);
    }
    return v_.flatten(value);
  }

  Job make_job(Line& line, int carried) {
    Job job;
    job.line = &line;
    job.carried = carried;
    const BlockKey column = column_of(line);
    TraceWalk seed = walk(now, column);
    Ref each = g_.contract(line.node->uses, line.node->dims, line.node->summed, line.node->number);
    if (line.node->dims != column_dims(column))
      throw NotTransposable("the line that reads it does not keep its columns");
    std::vector<int> columns;
    for (int i = 0; i < each->rank(); ++i) columns.push_back(i);
    seed.pull(each, columns, g_.constant(1));
    job.own = seed.added;
    job.seed = flat(seed.states);

    TraceWalk before = walk(now, column), adds = walk({When::t, -1}, column);
    const auto cotangent = v_.tensor(p_.leaf(carried, next), state_axes()).blocks;
    const auto at_t = v_.tensor(p_.leaf(carried, now), state_axes()).blocks;
    for (const auto& [state, node] : cotangent) {
      const auto block = blocks_.find(joined(state, column));
      if (block == blocks_.end()) continue;
      before.pull(shift(p_, block->second, {When::t, 1 - store_.time.offset}), before.columns_of(block->first), node);
      adds.pull(shift(p_, block->second, {When::t, -store_.time.offset}), adds.columns_of(block->first),
                at_t.at(state));
    }
    job.step = flat(before.states);
    job.added = adds.added;
    return job;
  }

  // The program with the walk back in place of the trace.
  void commit() {
    for (Phase& phase : p_.phases)
      std::erase_if(phase.roots, [&](const Root& root) {
        return (root.kind == RootKind::store && root.tensor == tensor_) || !times_read(root.node).empty();
      });
    for (const Job& job : jobs_)  // what a line adds besides
      if (!job.own.empty()) p_.phases[job.line->phase].roots.push_back(gather(job, job.own, {When::t, -job.line->lag}));
    if (reverse()) sweep_back();
    else walk_back();
    Tensor& trace = p_.tensors[tensor_];
    trace.kind = TensorKind::scalar;
    trace.dims.clear();
    trace.axes.clear();
    trace.batched = false;
    trace.name += " (walked back)";
  }

  Root gather(const Job& job, const std::vector<Use>& terms, TimeRef time) {
    Root root = job.line->root;
    const std::vector<Extent>& dims = root.node->dims;
    root.node = shift(p_, g_.contract({whole(total(g_, terms, dims))}, dims, {}, 1, true), time);
    return root;
  }

  std::vector<int> carried() const {
    std::set<int> all;
    for (const Job& job : jobs_) all.insert(job.carried);
    return {all.begin(), all.end()};
  }
  const Job& job_of(int carried) const {
    return *std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.carried == carried; });
  }

  Root store(int carried, const std::vector<Ref>& terms) {
    std::vector<Use> uses;
    for (Ref term : terms) uses.push_back(term->rank() ? whole(term) : Use{term, {}, 1});
    Ref node = total(g_, uses, p_.tensors[carried].dims);
    return {RootKind::store, carried, now, node, p_.tensors[tensor_].name};
  }

  Phase& phase(PhaseKind kind) {
    return *std::find_if(p_.phases.begin(), p_.phases.end(), [&](const Phase& x) { return x.is(kind); });
  }

  void sweep_back() {
    p_.online = false;
    for (const Line& line : lines_) p_.window_ahead = std::max(p_.window_ahead, line.lag);
    p_.ahead = std::max(p_.ahead, p_.window_ahead);
    std::vector<Root> roots;
    for (int tensor : carried()) roots.push_back(store(tensor, {job_of(tensor).seed, job_of(tensor).step}));
    for (const Job& job : jobs_)
      if (!job.added.empty()) roots.push_back(gather(job, job.added, now));
    for (const PhaseKind kind : {PhaseKind::sweep, PhaseKind::sweep_start}) {
      if (kind == PhaseKind::sweep_start && !p_.tensors[tensor_].at_start) continue;
      Phase& into = phase(kind);
      into.roots.insert(into.roots.end(), roots.begin(), roots.end());
    }
  }

  void walk_back() {
    Replay replay;
    replay.name = p_.tensors[tensor_].name;
    replay.limit = schedule_.steps;
    replay.lag = lines_.front().lag;
    replay.at_start = p_.tensors[tensor_].at_start;
    replay.carried = carried();
    for (const bool again : {false, true}) {
      Phase made{{again ? PhaseKind::replay : PhaseKind::replay_first, PhasePart::core, replay.name}, {}};
      for (int tensor : replay.carried)
        made.roots.push_back(store(tensor, {again ? job_of(tensor).step : job_of(tensor).seed}));
      for (const Job& job : jobs_)
        if (!job.added.empty()) made.roots.push_back(gather(job, job.added, now));
      (again ? replay.again : replay.first) = static_cast<int>(p_.phases.size());
      p_.phases.push_back(std::move(made));
    }
    p_.replays.push_back(std::move(replay));
  }

  Program& p_;
  Graph& g_;
  Values v_;
  BlockReads reads_;
  int tensor_;
  Schedule schedule_;
  std::size_t tensors_ = p_.tensors.size();
  Root store_;
  std::vector<Line> lines_;
  std::map<BlockKey, Ref> blocks_;  // by members: what the trace is made of
  std::vector<bool> is_column_;
  std::vector<Job> jobs_;
};

}  // namespace

std::string transpose(Program& program, int tensor, const Schedule& schedule) {
  const std::size_t tensors = program.tensors.size();
  try {
    Transposer(program, tensor, schedule).run();
  } catch (const NotTransposable& e) {
    program.tensors.resize(tensors);
    return e.what();
  }
  return "";
}

}  // namespace eligo::compiler
