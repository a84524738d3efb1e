#include "runtime/library/item_notes.h"

#include <algorithm>
#include <filesystem>

#include "dsl/names.h"
#include "dsl/parser.h"
#include "runtime/library/checked_file.h"

namespace eligo {
namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::vector<std::string> by_comma(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (const std::string part = trimmed(text.substr(at, comma - at)); !part.empty()) parts.push_back(part);
    at = comma + 1;
  }
  return parts;
}

void extend(std::string& text, const std::string& more) { text += (text.empty() ? "" : " ") + more; }

// Reads the comment line by line; `into_` is what a line without a key goes on with.
class Reader {
 public:
  void line(const std::string& text) {
    if (text.empty()) return;  // a blank `#` only sets paragraphs apart
    for (const char* key : {"paper", "identity", "test", "note"}) {
      const std::string start = std::string(key) + ":";
      if (text.starts_with(start)) return entry(key, trimmed(text.substr(start.size())));
    }
    if (into_ != nullptr) return extend(*into_, text);
    if (notes.title.empty()) notes.title = text;
    else extend(notes.about, text);
  }

  ItemNotes finish() {
    notes.tests = by_comma(tests_);
    return std::move(notes);
  }

 private:
  void entry(const std::string& key, const std::string& text) {
    if (key == "paper") into_ = &notes.paper;
    if (key == "test") into_ = &tests_;
    if (key == "identity") into_ = &notes.identities.emplace_back();
    if (key == "note") into_ = &notes.notes.emplace_back();
    if (key == "test" && !tests_.empty()) tests_ += ",";
    extend(*into_, text);
  }

  ItemNotes notes;
  std::string tests_;
  std::string* into_ = nullptr;
};

}  // namespace

ItemNotes notes_of(const dsl::Item& item) {
  Reader reader;
  for (const dsl::Comment& comment : item.leading) {
    if (comment.text.empty()) continue;
    reader.line(trimmed(comment.text.substr(comment.text.find_first_not_of('#') == std::string::npos
                                                ? comment.text.size()
                                                : comment.text.find_first_not_of('#'))));
  }
  return reader.finish();
}

std::vector<KnownItem> known_items(const std::vector<std::string>& folders) {
  std::vector<KnownItem> known;
  for (const Item& place : list_items(folders)) {
    KnownItem one;
    one.place = place;
    one.tour = std::filesystem::path(place.path).parent_path().filename() == "tour";
    for (const dsl::TypedItemPtr& item : checked_file(place.path)->items)
      if (dsl::word_of(item->kind()) == place.kind && dsl::canonical(item->name()) == dsl::canonical(place.name))
        one.checked = item;
    if (one.checked) one.notes = notes_of(one.item());
    known.push_back(std::move(one));
  }
  std::stable_partition(known.begin(), known.end(), [](const KnownItem& one) { return !one.tour; });
  return known;
}

}  // namespace eligo
