#include "compiler/driver/executable.h"

#include "compiler/ir/archive.h"

namespace eligo::compiler {

// Found by the archive through its own namespace.
static void fields(auto& archive, Action& action) { archive(action.of, action.number); }
static void fields(auto& archive, TimeRef& time) {
  auto& [base, offset] = time;
  archive(base, offset);
}

static void fields(auto& archive, Init& init) {
  auto& [kind, a, b] = init;
  archive(kind, a, b);
}

static void fields(auto& archive, Tensor& tensor) {
  // A plan's tensors have no axes, targets and origin.
  auto& [name, kind, dims, axes, batched, init, targets, bundle, low, high, flag, masked, at_start, per_step,
         as_taken, batch_wide, given_as, neuron_axis, made, origin] = tensor;
  archive(name, kind, dims, batched, init, bundle, low, high, flag, masked, at_start, per_step, as_taken, batch_wide,
          given_as, neuron_axis, made);
}

static void fields(auto& archive, Learned& learned) {
  auto& [bundle, parameter, gradient, every, update_phase] = learned;
  archive(bundle, parameter, gradient, every, update_phase);
}

static void fields(auto& archive, Shown& shown) {
  auto& [name, tensor, from_start, parameter] = shown;
  archive(name, tensor, from_start, parameter);
}

static void fields(auto& archive, Block::Pass& pass) {
  auto& [phase, backward, stored, revisions] = pass;
  archive(phase, backward, stored, revisions);
}

static void fields(auto& archive, Block::Revision& revision) {
  auto& [running, increment] = revision;
  archive(running, increment);
}

static void fields(auto& archive, Block& block) {
  auto& [low, high, first, top, margin, passes, revisions, begin, adopt] = block;
  archive(low, high, first, top, margin, passes, revisions, begin, adopt);
}

static void fields(auto& archive, Clip& clip) {
  auto& [gathered, gradient, hyper, bound] = clip;
  archive(gathered, gradient, hyper, bound);
}

static void fields(auto& archive, Replay& replay) {
  auto& [name, first, again, lag, limit, at_start, carried] = replay;
  archive(name, first, again, lag, limit, at_start, carried);
}

static void fields(auto& archive, Unreached& unreached) {
  auto& [parameter, partly, reason] = unreached;
  archive(parameter, partly, reason);
}

static void fields(auto& archive, Facts& facts) {
  auto& [name, tensors, learned, blocks, clips, replays, before, statistics, keep_phase, step_keep_phase, shown, inputs,
         targets, wirings, loss, online, window, short_first, at_start, ahead, window_ahead, updates_within, adopts,
         optimiser, unreached] = facts;
  archive(name, tensors, learned, blocks, clips, replays, before, statistics, keep_phase, step_keep_phase, shown,
          inputs, targets, wirings, loss, online, window, short_first, at_start, ahead, window_ahead, updates_within,
          adopts, optimiser, unreached);
}

static void fields(auto& archive, Plan::Read& read) {
  auto& [tensor, time] = read;
  archive(tensor, time);
}

static void fields(auto& archive, Plan::Write& write) {
  auto& [kind, tensor, time] = write;
  archive(kind, tensor, time);
}

static void fields(auto& archive, PhaseId& phase) {
  auto& [kind, part, of] = phase;
  archive(kind, part, of);
}

static void fields(auto& archive, Plan::Phase& phase) {
  archive(static_cast<PhaseId&>(phase), phase.writes, phase.reads);
}

static void fields(auto& archive, Plan& plan) { archive(static_cast<Facts&>(plan), plan.phases, plan.forward_shows); }

static void fields(auto& archive, Instruction& instruction) {
  auto& [action, guard, phase, tensor, number, block, limit, time, as_taken, body] = instruction;
  archive(action, guard, phase, tensor, number, block, limit, time, as_taken, body);
}

static void fields(auto& archive, WindowRule& rule) {
  auto& [length, short_first, ahead, beyond, swept] = rule;
  archive(length, short_first, ahead, beyond, swept);
}

static void fields(auto& archive, Timetable& timetable) {
  auto& [windows, spans, always_arrives, shows, changes_within, span, end, forward, learn, restart, again, ends, flags, boundary_flags, cleared,
         cleared_beyond, bounded, again_gathered] = timetable;
  archive(windows, spans, always_arrives, shows, changes_within, span, end, forward, learn, restart, again, ends, flags, boundary_flags, cleared,
          cleared_beyond, bounded, again_gathered);
}

static void fields(auto& archive, Binding& binding) {
  auto& [kind, tensor, time, offset] = binding;
  archive(kind, tensor, time, offset);
}

static void fields(auto& archive, loops::Buffer& buffer) {
  auto& [name, element, size, batched] = buffer;
  archive(name, element, size, batched);
}

static void fields(auto& archive, loops::Function& function) {
  auto& [name, statements, fusions] = function;
  archive(name);
}

static void fields(auto& archive, loops::Module& module) {
  auto& [name, buffers, functions] = module;
  archive(name, buffers, functions);
}

static void fields(auto& archive, Lowered& lowered) {
  auto& [module, bindings, function_of_phase, prepare, used, scratch, stages, at_once, prepared_elements] = lowered;
  archive(module, bindings, function_of_phase, prepare, used, scratch, stages, at_once, prepared_elements);
}

static void fields(auto& archive, Executable& executable) {
  auto& [plan, timetable, lowered, objects, float64] = executable;
  archive(plan, timetable, lowered, objects, float64);
}

std::string packed(const Executable& executable) {
  ArchiveWriter archive;
  archive(executable);
  return std::move(archive.bytes);
}

Executable unpacked(std::string_view bytes) {
  ArchiveReader archive(bytes);
  Executable executable;
  archive(executable);
  if (!archive.at_end()) throw std::runtime_error("an archive has more than it should");
  return executable;
}

}  // namespace eligo::compiler
