#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/tools/gradcheck.h"
#include "support/utf8.h"

namespace eligo {
namespace {

std::string padded(const std::string& text, int width) {
  return text + std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ');
}

std::string verdict_text(const DerivativeCheck& d) {
  using Verdict = DerivativeCheck::Verdict;
  switch (d.verdict) {
    case Verdict::agrees: return "ok";
    case Verdict::zero: return "zero everywhere";
    case Verdict::at_kinks: return "only at kinks: not checked";
    case Verdict::not_reached: return "not reached";
    case Verdict::differs: return "FAIL";
  }
  return "";
}

std::string row_text(const DerivativeCheck& d, int places, int texts) {
  const std::string place = fmt::format("{}:{}", d.file, d.line);
  const bool compared = d.entries > 0 && d.verdict != DerivativeCheck::Verdict::zero;
  std::string line = fmt::format("  {}  {}  {:>7}  {:>9}  {}", padded(place, places), padded(d.text, texts), d.entries,
                                 compared ? fmt::format("{:.1e}", d.deviation) : "", verdict_text(d));
  if (d.kinks > 0 && d.entries > 0) line += fmt::format(", {} more at kinks", d.kinks);
  return line + "\n";
}

std::string value_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

std::string verdict_text(const TotalCheck& t) {
  using Verdict = TotalCheck::Verdict;
  switch (t.verdict) {
    case Verdict::exact: return "exact";
    case Verdict::differs: return "not exact";
    case Verdict::zero: return "zero on both sides";
    case Verdict::untouched: return "not exact: nothing is added";
    case Verdict::unresolved: return "only at kinks: not judged";
    case Verdict::faint: return "too faint to judge";
  }
  return "";
}

std::string entries_text(const TotalCheck& t) {
  return t.sampled ? fmt::format("{} dirs", t.compared) : fmt::format("{}", t.compared);
}

std::string totals_text(const TotalChecks& totals) {
  int names = dsl::width("added in one batch");
  for (const TotalCheck& t : totals.tensors) names = std::max(names, dsl::width(t.parameter));
  std::string out = fmt::format("what the rule adds, against central differences of the whole sequence's loss\n"
                                "  {}  {:>7}  {:>9}  {:>7}  {:>7}\n",
                                padded("added in one batch", names), "entries", "deviation", "cosine", "length");
  for (const TotalCheck& t : totals.tensors) {
    out += fmt::format("  {}  {:>7}  {:>9}  {:>7}  {:>7}  {}", padded(t.parameter, names), entries_text(t),
                       t.compared > 0 ? fmt::format("{:.1e}", t.deviation) : "", value_text(t.cosine),
                       value_text(t.ratio), verdict_text(t));
    if (t.kinks > 0 && t.compared > 0) out += fmt::format(", {} more at kinks", t.kinks);
    out += "\n";
  }
  return out;
}

// What a rule is on this net, in one line; it claims no more than was measured.
std::string conclusion(const TotalChecks& totals) {
  std::string inexact;
  for (const TotalCheck& t : totals.tensors)
    if (t.verdict == TotalCheck::Verdict::differs || t.verdict == TotalCheck::Verdict::untouched)
      inexact += (inexact.empty() ? "" : ", ") + t.parameter;
  std::string out;
  for (const std::string& one : totals.unreached) out += "warning: " + one + "\n";
  if (totals.learns_cell)
    out += fmt::format("cosine of all that the cell learns with minus the loss's gradient: {}\n",
                       value_text(totals.cosine));
  else out += "the rule learns no parameter of the cell\n";
  const auto has = [&](TotalCheck::Verdict verdict) {
    return std::any_of(totals.tensors.begin(), totals.tensors.end(), [&](const TotalCheck& t) { return t.verdict == verdict; });
  };
  if (inexact.empty() && totals.exact()) return out + "exact on this net: what is added is minus the loss's gradient\n";
  if (inexact.empty())
    return out + (has(TotalCheck::Verdict::unresolved) ? "not judged: kinks lie too close\n"
                                                       : "not judged: the loss depends too weakly on some parameters\n");
  return out + fmt::format("not exact on this net: {}\n", inexact);
}

}  // namespace

std::string gradcheck_text(const std::string& rule, const GradcheckReport& report, const GradcheckOptions& options) {
  std::string out = fmt::format("{}: {}; {} examples, {} steps, seed {}, everything drawn at random\n", rule,
                                report.parts, options.batch, options.steps, options.seed);
  for (const std::string& note : report.notes) out += fmt::format("note: {}\n", note);
  int places = 0, texts = dsl::width("derivative");
  for (const auto& d : report.derivatives) {
    places = std::max(places, static_cast<int>(fmt::formatted_size("{}:{}", d.file, d.line)));
    texts = std::max(texts, dsl::width(d.text));
  }
  out +=
      fmt::format("  {}  {}  {:>7}  {:>9}\n", padded("", places), padded("derivative", texts), "entries", "deviation");
  for (const auto& d : report.derivatives) out += row_text(d, places, texts);
  if (report.derivatives.empty()) out += "  this rule takes no derivatives\n";
  const auto bad = std::count_if(report.derivatives.begin(), report.derivatives.end(), [](const DerivativeCheck& d) {
    return d.verdict == DerivativeCheck::Verdict::differs;
  });
  out += bad == 0 ? "no derivative differs from its finite differences\n"
                  : fmt::format("{} of {} derivatives differ from their finite differences\n", bad,
                                report.derivatives.size());
  if (report.totals) out += totals_text(*report.totals) + conclusion(*report.totals);
  return out;
}

}  // namespace eligo
