#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/tools/compare.h"
#include "support/json_text.h"
#include "support/utf8.h"

namespace eligo {
namespace {

using Json = nlohmann::ordered_json;

std::string right(const std::string& text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ') + text;
}

std::string left(const std::string& text, int width) {
  return text + std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ');
}

std::string number(double x, const char* form) {
  if (std::isnan(x)) return "-";
  return fmt::format(fmt::runtime(form), x);
}

// 1, 2, 5, 10, 20, 50, ... and the last.
bool is_shown(std::size_t update, std::size_t count) {
  if (update == count) return true;
  for (std::size_t ten = 1; ten <= update; ten *= 10)
    if (update == ten || update == 2 * ten || update == 5 * ten) return true;
  return false;
}

std::string row(const std::string& name, const std::string& loss_a, const std::string& loss_b,
                const std::vector<BundleDifference>& bundles) {
  std::string line = left(name, 8) + right(loss_a, 12) + right(loss_b, 12);
  for (const auto& d : bundles)
    line += "  |" + right(number(d.relative, "{:.2e}"), 10) + right(number(d.cosine, "{:.4f}"), 9) +
            right(number(d.drift, "{:.2e}"), 10);
  return line + "\n";
}

// Means over the updates; of the drift the last.
std::vector<BundleDifference> means(const Comparison& c) {
  std::vector<BundleDifference> out(c.bundles.size());
  for (std::size_t k = 0; k < out.size(); ++k) {
    double cosines = 0;
    for (const auto& update : c.updates) {
      const BundleDifference& d = update.bundles[k];
      out[k].relative += d.relative / static_cast<double>(c.updates.size());
      if (std::isnan(d.cosine)) continue;
      out[k].cosine += d.cosine;
      ++cosines;
    }
    out[k].cosine = cosines > 0 ? out[k].cosine / cosines : std::numeric_limits<double>::quiet_NaN();
    out[k].drift = c.updates.empty() ? 0 : c.updates.back().bundles[k].drift;
  }
  return out;
}

std::string updates_text(const Comparison& c) {
  std::string heads = left("", 32), names = left("update", 8) + right("loss a", 12) + right("loss b", 12);
  for (const auto& bundle : c.bundles) {
    heads += "  |" + right(bundle, 10) + left("", 19);
    names += "  |" + right("difference", 10) + right("cosine", 9) + right("drift", 10);
  }
  heads.erase(heads.find_last_not_of(' ') + 1);
  std::string out = heads + "\n" + names + "\n";
  for (std::size_t u = 1; u <= c.updates.size(); ++u)
    if (is_shown(u, c.updates.size()))
      out += row(fmt::format("{}", u), number(c.updates[u - 1].loss_a, "{:.4g}"),
                 number(c.updates[u - 1].loss_b, "{:.4g}"), c.updates[u - 1].bundles);
  return out + row("mean", "", "", means(c));
}

std::string bytes_text(double bytes) {
  for (const char* unit : {"B", "kB", "MB"}) {
    if (bytes < 1e4) return fmt::format("{:.4g} {}", bytes, unit);
    bytes /= 1000;
  }
  return fmt::format("{:.4g} GB", bytes);
}

std::string costs_text(const Comparison& c) {
  std::string out = left("", 44) + right("a", 12) + right("b", 12) + "\n";
  const auto line = [&](const char* name, const std::string& a, const std::string& b) {
    out += left(name, 44) + right(a, 12) + right(b, 12) + "\n";
  };
  const RuleCost &a = c.a.cost, &b = c.b.cost;
  line("ms an update, median", fmt::format("{:.3g}", c.a.milliseconds), fmt::format("{:.3g}", c.b.milliseconds));
  line("operations a step and example: net", fmt::format("{:.4g}", a.forward), fmt::format("{:.4g}", b.forward));
  line("operations a step and example: rule", fmt::format("{:.4g}", a.learning), fmt::format("{:.4g}", b.learning));
  if (a.revision + b.revision > 0)
    line("operations a revised step and example: rule", fmt::format("{:.4g}", a.revision),
         fmt::format("{:.4g}", b.revision));
  if (a.window + b.window > 0)
    line("operations a window and example: rule", fmt::format("{:.4g}", a.window), fmt::format("{:.4g}", b.window));
  line("moved a step and example, as float32", bytes_text(a.moved), bytes_text(b.moved));
  line("held by the session", bytes_text(c.a.bytes), bytes_text(c.b.bytes));
  return out;
}

Json cost_json(const SideCost& side) {
  return {{"ms_per_update", side.milliseconds},
          {"session_bytes", side.bytes},
          {"forward_operations", side.cost.forward},
          {"learning_operations", side.cost.learning},
          {"revision_operations", side.cost.revision},
          {"window_operations", side.cost.window},
          {"moved_bytes", side.cost.moved},
          {"carried_bytes", side.cost.carried},
          {"carried_bytes_a_step", side.cost.carried_step}};
}

}  // namespace

std::string comparison_text(const CompareOptions& o, const Comparison& c) {
  std::string out = fmt::format("a: {}, {}\nb: {}, {}\n{}, {} steps, batch {}, seed {}, {} updates{}\n\n", o.rule_a,
                                c.parts_a, o.rule_b, c.parts_b, c.task, c.steps, c.batch, o.seed, c.updates.size(),
                                o.lockstep ? ", b from a's parameters each time" : "");
  out += updates_text(c);
  if (!c.only_a.empty()) out += fmt::format("learn lines of a alone: {}\n", fmt::join(c.only_a, ", "));
  if (!c.only_b.empty()) out += fmt::format("learn lines of b alone: {}\n", fmt::join(c.only_b, ", "));
  return out + "\n" + costs_text(c);
}

std::string comparison_json(const CompareOptions& o, const Comparison& c) {
  Json updates = Json::array();
  for (const auto& update : c.updates) {
    Json bundles = Json::object();
    for (std::size_t k = 0; k < c.bundles.size(); ++k)
      bundles[c.bundles[k]] = {{"difference", update.bundles[k].relative},
                               {"cosine", update.bundles[k].cosine},
                               {"drift", update.bundles[k].drift}};
    updates.push_back(
        {{"loss_a", update.loss_a}, {"loss_b", update.loss_b}, {"bundles", bundles}});
  }
  const Json out = {{"rule_a", o.rule_a},       {"rule_b", o.rule_b},      {"parts_a", c.parts_a},
                    {"parts_b", c.parts_b},     {"task", c.task},          {"steps", c.steps},
                    {"batch", c.batch},         {"seed", o.seed},          {"lockstep", o.lockstep},
                    {"only_a", c.only_a},       {"only_b", c.only_b},      {"updates", updates},
                    {"cost_a", cost_json(c.a)}, {"cost_b", cost_json(c.b)}};
  return json_text(out, 1);
}

}  // namespace eligo
