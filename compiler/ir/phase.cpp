#include "compiler/ir/phase.h"

#include <array>

namespace eligo::compiler {
namespace {

using enum PhaseKind;
using Way = PhaseDirection;
using Often = PhaseFrequency;

constexpr std::array<PhaseRow, phase_kinds> phases = {{
    {prepare, "prepare", Way::none, Often::parameters, false, "when parameters have changed"},
    {step, "step", Way::forward, Often::step, false, "each step"},
    {record, "record", Way::forward, Often::step, false, "each step, before its blocks"},
    {revise, "revise{}", Way::none, Often::earlier_step, false, "for each earlier step, at each arrival"},
    {arrive, "arrive", Way::forward, Often::step, false, "each step, on its arrival"},
    {replay_first, "replay_first.{}", Way::none, Often::step, false, "each step, where its walk back begins"},
    {replay, "replay.{}", Way::none, Often::earlier_step, false,
     "for each earlier step, on the walk back from each arrival"},
    {show, "show", Way::none, Often::step, false, "each step"},
    {sweep, "sweep", Way::backward, Often::step, false, "each step, on the way back over the window"},
    {sweep_start, "sweep_start", Way::backward, Often::window, false, "at the window's start"},
    {close, "close", Way::backward, Often::window, false, "once a window"},
    {begin, "update.revise{}.begin", Way::none, Often::update, true, "at an update"},
    {adopt, "update.revise{}.adopt", Way::none, Often::update, true, "at an update"},
    {update, "update.{}", Way::none, Often::update, true, "at an update"},
    {keep, "update.keep", Way::none, Often::batch, true, "once a batch"},
    {keep_steps, "update.keep_steps", Way::none, Often::batch, true, "once a batch"},
}};

constexpr std::array<FlagRow, flag_kinds> flags = {{
    {Flag::none, "", false},
    {Flag::valid, "valid", true},
    {Flag::exists, "exists", true},
    {Flag::first, "first", true},
    {Flag::last, "last", true},
    {Flag::end, "end", true},
    {Flag::window_end, "window_end", true},
    {Flag::active, "active", true},
    {Flag::loss_mask, "loss_mask", false},
    {Flag::time, "t", false},
    {Flag::steps, "T", false},
    {Flag::counts, "counts", true},
    {Flag::within, "within", true},
    {Flag::now, "now", true},
    {Flag::begin, "begin", true},
}};

template <class Rows, class Kind>
constexpr bool in_order(const Rows& rows, Kind first(const typename Rows::value_type&)) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(first(rows[i])) != i) return false;
  return true;
}
static_assert(in_order(phases, +[](const PhaseRow& r) { return r.kind; }), "each kind of phase has its row, in order");
static_assert(in_order(flags, +[](const FlagRow& r) { return r.flag; }), "each flag has its row, in order");

}  // namespace

const PhaseRow& row(PhaseKind kind) { return phases[static_cast<std::size_t>(kind)]; }
const FlagRow& row(Flag flag) { return flags[static_cast<std::size_t>(flag)]; }

std::string PhaseId::name() const {
  std::string text = row(kind).name;
  if (const std::size_t place = text.find("{}"); place != std::string::npos) text.replace(place, 2, of);
  switch (part) {
    case PhasePart::core: return text;
    case PhasePart::before: return text + ".before";
    case PhasePart::after: return text + ".after";
  }
  return text;
}

}  // namespace eligo::compiler
