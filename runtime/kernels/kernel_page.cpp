#include "runtime/kernels/kernel_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "runtime/kernels/kernel_page_files.h"
#include "runtime/kernels/roofline.h"
#include "support/markup.h"

namespace eligo {
namespace {

// A picture within the page's own text.
std::string data_address(const std::string& svg) {
  std::string out = "data:image/svg+xml,";
  for (const char c : svg) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view(" .,;-_=()").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string table_html(const Table& table) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& cell : table[0]) out += "<th>" + escaped_markup(cell) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 1; i < table.size(); ++i) {
    out += "<tr>";
    for (const std::string& cell : table[i]) out += "<td>" + escaped_markup(cell) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

// How much of what a statement executes is in each of its basic blocks.
std::vector<double> shares_of_blocks(const StatementKernel& s, const compiler::StatementCode& code) {
  std::vector<double> shares = executed_instructions(s, code);
  const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share = all > 0 ? share / all : 0;
  return shares;
}

const char* heat(double share) { return share >= 0.25 ? "h3" : share >= 0.05 ? "h2" : share >= 0.01 ? "h1" : ""; }

std::string code_html(const std::vector<compiler::CodeLine>& lines, const std::vector<std::uint64_t>& counts,
                      const std::vector<double>& shares) {
  std::string out = "<pre>";
  for (const compiler::CodeLine& line : lines) {
    const auto block = static_cast<std::size_t>(line.block);
    const bool counted = line.instruction && line.block >= 0 && block < counts.size();
    const char* const kind = counted && block < shares.size() ? heat(shares[block]) : "";
    out += *kind ? fmt::format("<div class=\"{}\">", kind) : "<div>";
    out += fmt::format("<i>{}</i>{}</div>", counted ? std::to_string(counts[block]) : "", escaped_markup(line.text));
  }
  return out + "</pre>\n";
}

// The page of one report.
class ReportSection {
 public:
  ReportSection(const NamedReport& named, std::size_t number) : r_(named.report), number_(number) {
    html_ = fmt::format("<h2>{}</h2>\n<p>{}</p>\n", escaped_markup(named.name), escaped_markup(kernel_total(r_)));
    table();
    html_ +=
        "<h3>Code</h3>\n<p class=\"quiet\">On the left is how often a call comes by, counted. Lines of blocks that "
        "execute <span class=\"h1\">1 %</span> <span class=\"h2\">5 %</span> <span class=\"h3\">25 %</span> or more "
        "of a statement's instructions are marked.</p>\n";
    for (const PhaseKernel& p : r_.phases) phase(p);
  }

  const std::string& html() const { return html_; }

 private:
  std::string anchor(const PhaseKernel& p, const StatementKernel& s) const {
    const auto at = std::pair(&p - r_.phases.data(), &s - p.statements.data());
    return fmt::format("r{}p{}s{}", number_, at.first, at.second);
  }

  void table() {
    const Table cells = kernel_table(r_);
    const std::size_t share = 5;  // the column `of bound`
    html_ += "<div class=\"scroll\"><table><thead><tr>";
    for (const std::string& cell : cells[0]) html_ += "<th>" + escaped_markup(cell) + "</th>";
    html_ += "</tr></thead><tbody>\n";
    std::size_t at = 1;
    const auto row = [&](const Timed& t, const char* kind, const std::string& link) {
      html_ += fmt::format("<tr class=\"{}\">", kind);
      for (std::size_t c = 0; c < cells[at].size(); ++c) {
        const std::string word = escaped_markup(cells[at][c]);
        if (c == 0 && !link.empty()) html_ += fmt::format("<td><a href=\"#{}\">{}</a></td>", link, word);
        else if (c == share)
          html_ += fmt::format("<td class=\"share\" style=\"--part:{:.0f}%\">{}</td>",
                               100 * std::min(t.of_bound(), 1.0), word);
        else html_ += "<td>" + word + "</td>";
      }
      html_ += "</tr>\n";
      ++at;
    };
    for (const PhaseKernel& p : r_.phases) {
      row(p, "phase", "");
      for (const StatementKernel& s : p.statements) row(s, "statement", anchor(p, s));
    }
    html_ += "</tbody></table></div>\n";
  }

  void phase(const PhaseKernel& p) {
    html_ += fmt::format("<h3>{}</h3>\n<p class=\"quiet\">{}; {} examples a call</p>\n", escaped_markup(p.name),
                         escaped_markup(p.when), p.examples);
    for (const StatementKernel& s : p.statements) statement(p, s);
  }

  void statement(const PhaseKernel& p, const StatementKernel& s) {
    const compiler::StatementCode& code = r_.codes[s.code];
    const std::string here = anchor(p, s);
    const auto [first, is_new] = shown_.emplace(s.code, here);
    html_ += fmt::format("<details id=\"{}\"><summary><b>{}</b> {}, {:.0f} % of the bound</summary>\n", here,
                         escaped_markup(s.name), escaped_markup(code.symbol), 100 * s.of_bound());
    html_ += "<pre class=\"wrap\">" + escaped_markup(s.loops) + "</pre>\n";
    if (!is_new)
      html_ += fmt::format("<p>Its code is that of <a href=\"#{}\">another statement</a>, on other memory.</p>\n",
                           first->second);
    for (const std::string_view form : compiler::llvm_backend().forms()) {
      if (!is_new) break;
      html_ += fmt::format("<details><summary>{}</summary>\n{}</details>\n", form,
                           code_html(code.texts.at(std::string(form)), s.counts, shares_of_blocks(s, code)));
    }
    html_ += "</details>\n";
  }

  const KernelReport& r_;
  std::size_t number_;
  std::string html_;
  std::map<std::size_t, std::string> shown_;  // code: the statement that shows it
};

std::string heading_html(const std::vector<NamedReport>& reports) {
  std::string out;
  for (const NamedReport& one : reports)
    out += "<pre class=\"wrap\">" + escaped_markup(kernel_heading(one.report)) + "</pre>\n";
  return out;
}

std::string roofline_svg(const std::vector<NamedReport>& reports) {
  const auto canvas = svg_canvas(kRooflineWidth, kRooflineHeight);
  draw(roofline_of(reports), *canvas);
  return canvas->bytes();
}

// What stands for a name in the page.
std::string part(const std::string& name, const std::vector<NamedReport>& reports) {
  if (name == "style") return kKernelPageStyle;
  if (name == "title") return escaped_markup("kernels of " + reports[0].report.rule);
  if (name == "heading") return heading_html(reports);
  if (name == "roofline") return data_address(roofline_svg(reports));
  if (name == "comparison")
    return reports.size() < 2 ? ""
                              : "<h2>Side by side</h2>\n<p class=\"quiet\">" + escaped_markup(comparison_heading(reports)) +
                                    "</p>\n" + table_html(comparison_table(reports));
  std::string out;
  for (std::size_t i = 0; i < reports.size(); ++i) out += ReportSection(reports[i], i).html();
  return out;
}

}  // namespace

std::string kernel_page(const std::vector<NamedReport>& reports) {
  const std::string page = kKernelPageHtml;
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t begin = page.find("@{", at), end = page.find('}', std::min(begin, page.size()));
    out += page.substr(at, begin - at);
    if (begin == std::string::npos || end == std::string::npos) break;
    out += part(page.substr(begin + 2, end - begin - 2), reports);
    at = end + 1;
  }
  return out;
}

}  // namespace eligo
