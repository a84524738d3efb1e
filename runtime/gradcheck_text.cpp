#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dsl/utf8.h"
#include "runtime/gradcheck.h"

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

std::string cosines_text(const GradcheckReport& report) {
  if (!report.has_cosine) return "";
  if (!report.by_step)
    return fmt::format("cosine of the gathered gradient with full BPTT's: {:.4f}\n", report.cosines.at(0));
  std::string out = "cosine of the learning signal with full BPTT's, step by step:";
  for (const double cosine : report.cosines) out += std::isnan(cosine) ? "  -" : fmt::format("  {:.4f}", cosine);
  return out + "\n";
}

}  // namespace

std::string gradcheck_text(const std::string& rule, const GradcheckReport& report, const GradcheckOptions& options) {
  std::string out = fmt::format("{}: {}; {} examples, {} steps, seed {}, everything drawn at random\n", rule,
                                report.parts, options.batch, options.steps, options.seed);
  int places = 0, texts = dsl::width("derivative");
  for (const auto& d : report.derivatives) {
    places = std::max(places, static_cast<int>(fmt::formatted_size("{}:{}", d.file, d.line)));
    texts = std::max(texts, dsl::width(d.text));
  }
  out +=
      fmt::format("  {}  {}  {:>7}  {:>9}\n", padded("", places), padded("derivative", texts), "entries", "deviation");
  for (const auto& d : report.derivatives) out += row_text(d, places, texts);
  if (report.derivatives.empty()) out += "  this rule takes no derivatives\n";
  out += cosines_text(report);
  const auto bad = std::count_if(report.derivatives.begin(), report.derivatives.end(), [](const DerivativeCheck& d) {
    return d.verdict == DerivativeCheck::Verdict::differs;
  });
  out += bad == 0 ? "no derivative differs from its finite differences\n"
                  : fmt::format("{} of {} derivatives differ from their finite differences\n", bad,
                                report.derivatives.size());
  return out;
}

}  // namespace eligo
