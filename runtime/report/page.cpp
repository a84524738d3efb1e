#include "runtime/report/page.h"

#include <cmath>

#include "runtime/report/page_files.h"
#include "runtime/report/report_curves.h"
#include "runtime/report/report_table.h"
#include "support/bytes.h"
#include "support/json_text.h"

namespace eligo {
namespace {

using json = nlohmann::ordered_json;

// Six digits are more than a page shows, and a quarter of the bytes.
double rounded(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(x))) - 6);
  return unit > 0 ? std::round(x / unit) * unit : x;
}

json curve_json(const ReportCurve& curve) {
  json out = {{"group", curve.group}, {"band", json::array()}, {"lines", json::array()}};
  for (const BandPoint& p : curve.band) out["band"].push_back({p.x, rounded(p.mean), rounded(p.error), p.count});
  for (const auto& line : curve.lines) {
    json points = json::array();
    for (const Point p : line) points.push_back({p.x, rounded(p.y)});
    out["lines"].push_back(std::move(points));
  }
  return out;
}

// A curve of one group has the group's name and pen.
json named(const ReportCurve& curve) {
  json one = curve_json(curve);
  if (!curve.label.empty()) one["label"] = curve.label;
  if (curve.family) one["pen"] = *curve.family;
  return one;
}

json charts_json(const Report& report) {
  json charts = json::array();
  for (const ReportChart& chart : report_charts(report)) {
    json one = {{"id", chart.id},          {"heading", chart.heading}, {"y", chart.y_label},     {"note", chart.note},
                {"x", chart.x_label},      {"loss", chart.loss},       {"curves", json::array()}};
    for (const ReportCurve& curve : chart.curves)
      if (!curve.band.empty()) one["curves"].push_back(named(curve));
    charts.push_back(std::move(one));
  }
  return charts;
}

json cost_json(const ReportGroup& group) {
  const ReportVariant& variant = group.variant;
  json cost = {{"parameters", variant.parameters > 0 ? count_text(static_cast<double>(variant.parameters)) : ""},
               {"memory", variant.session_bytes > 0 ? readable_bytes(variant.session_bytes) : ""}};
  if (!group.cost) return cost;
  cost["schedule"] = group.cost->schedule;
  cost["forward"] = count_text(group.cost->forward);
  cost["learning"] = count_text(group.cost->learning);
  cost["moved"] = bytes_text(group.cost->moved);
  return cost;
}

json groups_json(const Report& report, const std::vector<ReportColumn>& columns) {
  json groups = json::array();
  for (const ReportGroup& group : report.groups) {
    json cells = json::array();
    for (const ReportColumn& column : columns) {
      const Estimate e = estimate_of(group, column);
      cells.push_back(
          {{"text", estimate_text(e)}, {"mean", e.mean}, {"error", e.standard_error.value_or(0)}, {"count", e.count}});
    }
    json parts = json::array();
    for (const ReportPart& part : group.variant.parts)
      parts.push_back({{"kind", part.kind},
                       {"name", part.name},
                       {"title", part.title},
                       {"paper", part.paper},
                       {"text", part.text}});
    const ReportColumn time = {"", "", "", [](const ReportTraining& t) { return t.numbers.milliseconds; }};
    groups.push_back({{"label", group.label},
                      {"seeds", seeds_text(group)},
                      {"folders", group.folders},
                      {"milliseconds", estimate_of(group, time).mean},
                      {"cells", std::move(cells)},
                      {"parts", std::move(parts)},
                      {"cost", cost_json(group)}});
  }
  return groups;
}

json runs_json(const Report& report) {
  json runs = json::array();
  for (const ReportRun& run : report.runs) {
    json stretches = json::array();
    for (const RunFacts::Stretch& s : run.facts.stretches)
      stretches.push_back({{"version", s.version},
                           {"processor", s.processor},
                           {"system", s.system},
                           {"cores", s.cores},
                           {"threads", s.threads},
                           {"memory", s.memory > 0 ? readable_bytes(static_cast<long double>(s.memory)) : ""},
                           {"began", s.began},
                           {"ended", s.ended}});
    runs.push_back({{"folder", run.folder},
                    {"name", run.name},
                    {"description", run.description},
                    {"paper", run.paper},
                    {"task", run.facts.task},
                    {"state", state_text(report, run)},
                    {"complete", run.complete},
                    {"stretches", std::move(stretches)}});
  }
  return runs;
}

json settings_json(const Report& report) {
  const ReportSettings settings = settings_of(report);
  json shared = json::array();
  for (const auto& [name, value] : settings.shared) shared.push_back({name, value});
  return {{"shared", std::move(shared)}, {"names", settings.names}, {"values", settings.values}};
}

// All that the page says, for its script, which makes text of it and nothing else. Within a script's element no "<" may
// stand that could end it.
std::string data_text(const Report& report) {
  const auto columns = report_columns(report);
  json headings = json::array();
  for (const ReportColumn& column : columns)
    headings.push_back({{"id", column.id}, {"heading", column.heading}, {"meaning", column.meaning}});
  const json data = {{"title", report.title},
                     {"made", time_text()},
                     {"version", ELIGO_VERSION},
                     {"notes", report.notes},
                     {"runs", runs_json(report)},
                     {"columns", std::move(headings)},
                     {"groups", groups_json(report, columns)},
                     {"settings", settings_json(report)},
                     {"charts", charts_json(report)}};
  std::string out;
  for (const char c : json_text(data, -1)) out += c == '<' ? "\\u003c" : std::string(1, c);
  return out;
}

}  // namespace

std::string report_page(const Report& report) {
  const std::string page = kPageHtml;
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t begin = page.find("@{", at), end = page.find('}', std::min(begin, page.size()));
    out += page.substr(at, begin - at);
    if (begin == std::string::npos || end == std::string::npos) break;
    const std::string name = page.substr(begin + 2, end - begin - 2);
    if (name == "style") out += kPageStyle;
    if (name == "chart") out += kChartScript;
    if (name == "script") out += kPageScript;
    if (name == "data") out += data_text(report);
    at = end + 1;
  }
  return out;
}

}  // namespace eligo
