#include "runtime/report/part_texts.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/experiment/alignment.h"
#include "runtime/experiment/settings.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/item_notes.h"
#include "runtime/library/synth_roles.h"
#include "support/error.h"
#include "support/text_file.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargest = 1u << 20;  // of a rule file that is shown

// The value of a setting that is a text, from its TOML: what the quotes hold, escapes undone.
std::string unquoted(const std::map<std::string, std::string>& settings, const std::string& path) {
  const auto found = settings.find(path);
  if (found == settings.end()) return "";
  const Setting value = parse_override(path + "=" + found->second).second;
  const auto* text = std::get_if<std::string>(&value.data);
  return text == nullptr ? "" : *text;
}

// Of an item that has no fault its own lines and what the comment above it says; else the whole file.
void read_text(const std::string& path, ReportPart& part) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kLargest) return;
  const auto file = checked_file(path);
  for (const auto& item : file->items) {
    if (item->syntax.name != part.name) continue;
    const dsl::Span span = item->syntax.span;
    part.text = item->source->text.substr(span.begin, span.end - span.begin);
    const ItemNotes notes = notes_of(item->syntax);
    part.title = notes.title;
    part.paper = notes.paper;
    return;
  }
  part.text = read_plain_file(path, kLargest);
}

}  // namespace

PartTexts::PartTexts(std::string folder) : folder_(std::move(folder)) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder_, error), none; !error && it != none; it.increment(error)) {
    const std::string path = it->path().string();
    if (it->path().extension() != ".eli" || path.ends_with(kReference)) continue;
    for (Item& item : items_of_file(path)) items_.push_back(std::move(item));
  }
}

// "bptt", or "rules/bptt-2.eli:bptt" where several copies have an item of that name.
ReportPart PartTexts::part(const std::string& kind, const std::string& name) const {
  const std::size_t colon = name.rfind(':');
  ReportPart result{kind, colon == std::string::npos ? name : name.substr(colon + 1), "", "", ""};
  const fs::path file = colon == std::string::npos ? "" : fs::path(name.substr(0, colon)).filename();
  for (const Item& item : items_) {
    const fs::path path = item.path;
    if (item.kind != kind || item.name != result.name) continue;
    if (!file.empty() && path.filename() != file) continue;
    const bool named_like_it = path.stem() == item.name;
    if (!result.text.empty() && !named_like_it) continue;
    try {
      read_text(item.path, result);
    } catch (const Error&) {  // removed or locked just now: the page is as good without it
    }
  }
  return result;
}

std::vector<ReportPart> PartTexts::of(const std::map<std::string, std::string>& settings) const {
  std::vector<ReportPart> parts;
  const auto add = [&](const std::string& kind, const std::string& name) {
    const bool known =
        std::any_of(parts.begin(), parts.end(), [&](const ReportPart& p) { return p.kind == kind && p.name == name; });
    if (!name.empty() && !known) parts.push_back(part(kind, name));
  };
  add("rule", unquoted(settings, "rule.name"));
  add("cell", unquoted(settings, "model.cell"));
  add("readout", unquoted(settings, "model.readout"));
  try {
    const SynthRoles synths = read_synth_roles(unquoted(settings, "model.synth"));
    add("synth", synths.all);
    for (const auto& [role, name] : synths.named) add("synth", name);
  } catch (const Error&) {  // edited by hand since: the rest still tells what was run
  }
  add("optimiser", unquoted(settings, "optimiser.name"));
  return parts;
}

}  // namespace eligo
