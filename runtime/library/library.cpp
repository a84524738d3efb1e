#include "runtime/library/library.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "dsl/names.h"
#include "dsl/parser.h"
#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kKinds = {"rule", "cell", "synth", "readout", "optimiser"};

// A folder of the search; the current one is taken without its subfolders, which may be anybody's.
struct Place {
  fs::path folder;
  bool deep = true;
};

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

struct File {
  std::string path;
  std::string stem;  // canonical
};

// Files of one extension below a folder, shallow ones first, then by name; hidden folders and the folders of runs,
// which have copies of rules, are left out.
std::vector<File> files_below(const Place& place, std::string_view extension) {
  std::vector<std::pair<int, File>> found;  // with their depths
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(place.folder, options, error), none; !error && it != none;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool hidden = name.starts_with(".");
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (hidden || !place.deep || is_run_folder(it->path().string())) it.disable_recursion_pending();
    } else if (!hidden && name.ends_with(extension) && it->is_regular_file(ignored)) {
      const std::string stem = name.substr(0, name.size() - extension.size());
      if (!stem.empty()) found.push_back({it.depth(), {it->path().string(), dsl::canonical(stem)}});
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.path) < std::tie(b.first, b.second.path);
  });
  std::vector<File> files;
  for (auto& [depth, file] : found) files.push_back(std::move(file));
  return files;
}

std::vector<Place> places(const std::vector<std::string>& folders) {
  std::vector<Place> result;
  for (const auto& folder : folders) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      throw Error(fmt::format("{}: no such folder of rules (given with --rules)", folder));
    }
    if (is_run_folder(folder)) {
      throw Error(fmt::format("{}: is the folder of a run, no folder of rules; give {} for the copies that it ran with",
                              folder, (fs::path(folder) / "rules").string()));
    }
    result.push_back({folder, true});
  }
  result.push_back({".", false});
  for (const auto& folder : library_folders()) result.push_back({folder, true});
  return result;
}

bool is_name_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x80 || c == '_' || (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z');
}

// The item that a line opens ("rule bptt(net: cell …"), if it opens one.
bool read_header(std::string_view line, Item& item) {
  const auto skip_blanks = [&] {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  };
  const auto take_word = [&] {
    std::size_t length = 0;
    while (length < line.size() && is_name_char(line[length])) ++length;
    const std::string_view word = line.substr(0, length);
    line.remove_prefix(length);
    return word;
  };
  skip_blanks();
  const std::string_view kind = take_word();
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) return false;
  skip_blanks();
  const std::string_view name = take_word();
  skip_blanks();
  if (name.empty() || line.empty() || (line.front() != '(' && line.front() != '{')) return false;
  item.kind = kind;
  item.name = name;
  return true;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> names_of_kind(const std::vector<Item>& items, const std::string& kind) {
  std::set<std::string> names;
  for (const auto& item : items) {
    if (item.kind == kind) names.insert(item.name);
  }
  return {names.begin(), names.end()};
}

// What could be meant, for the end of a message.
std::string suggestion(const std::string& name, const std::vector<std::string>& candidates, const std::string& what) {
  const std::string near = dsl::nearest(name, candidates);
  if (!near.empty()) return fmt::format("; did you mean {}?", near);
  if (candidates.empty()) return fmt::format("; it has no {} at all", what);
  return fmt::format("; it has {}", listed(candidates));
}

Found find_in_file(const std::string& path, const std::string& item, const std::string& kind) {
  if (!is_file(path)) throw Error(fmt::format("{}: there is no such file (looked for a {} in it)", path, kind));
  if (!std::ifstream(path)) throw Error(fmt::format("{}: the file cannot be read; check its permissions", path));
  const auto names = names_of_kind(items_of_file(path), kind);
  if (item.empty()) {
    if (names.size() == 1) return {path, names.front()};
    if (names.empty()) throw Error(fmt::format("{}: no {} is defined in this file", path, kind));
    throw Error(fmt::format("{}: several things of kind {} are defined in this file: {}; say which, as {}:{}", path,
                            kind, listed(names), path, names.front()));
  }
  for (const auto& name : names) {
    if (dsl::canonical(name) == dsl::canonical(item)) return {path, name};
  }
  throw Error(fmt::format("{}: no {} {} in this file{}", path, kind, item, suggestion(item, names, kind)));
}

void add_hits(const std::string& path, const std::string& wanted, const std::string& kind, std::vector<Item>& hits) {
  for (auto& item : items_of_file(path)) {
    if (item.kind == kind && dsl::canonical(item.name) == wanted) hits.push_back(std::move(item));
  }
}

// The item within one folder: a file named like it is preferred, then the one nearest to the folder's top. Other files
// are read only if none is named like it.
bool find_among(const std::vector<File>& files, const std::string& name, const std::string& kind, Found& found) {
  const std::string wanted = dsl::canonical(name);
  std::vector<Item> hits;
  for (const File& file : files) {
    if (file.stem == wanted) add_hits(file.path, wanted, kind, hits);
  }
  const auto other = [](const Item& item) { return fs::path(item.path).stem().string() != item.name; };
  std::erase_if(hits, other);
  if (hits.empty()) {
    for (const File& file : files) add_hits(file.path, wanted, kind, hits);
  }
  if (hits.empty()) return false;
  if (hits.size() > 1) {
    throw Error(fmt::format("{} {} is defined in {} and in {}; say which, as {}:{}", kind, name, hits[0].path,
                            hits[1].path, hits[0].path, name));
  }
  found = {hits[0].path, hits[0].name};
  return true;
}

[[noreturn]] void not_found(const std::string& name, const std::string& kind, const std::vector<std::string>& folders) {
  const auto items = list_items(folders);
  for (const auto& item : items) {
    if (dsl::canonical(item.name) == dsl::canonical(name)) {
      throw Error(fmt::format("there is no {} {}; {} is a {} ({})", kind, name, name, item.kind, item.path));
    }
  }
  const auto names = names_of_kind(items, kind);
  const std::string near = dsl::nearest(name, names);
  const std::string help = !near.empty() ? fmt::format("did you mean {}?", near)
                           : !names.empty()
                               ? fmt::format("there are {}", listed(names))
                               : fmt::format("there is none at all: give the library's folder with --rules DIR");
  throw Error(fmt::format("there is no {} {}; {}", kind, name, help));
}

std::vector<std::string>& added_folders() {
  static std::vector<std::string> folders;
  return folders;
}

}  // namespace

bool add_library_folder(const std::string& folder) {
  added_folders().push_back(folder);
  return true;
}

std::vector<std::string> library_folders() {
  std::vector<std::string> candidates;
  if (const char* named = std::getenv("ELIGO_RULES"); named != nullptr && *named != '\0') candidates.push_back(named);
  for (const auto& folder : added_folders()) candidates.push_back(folder);
  std::error_code error;
  const fs::path command = fs::read_symlink("/proc/self/exe", error);
  if (!error) candidates.push_back((command.parent_path().parent_path() / "share/eligo/rules").string());
#ifdef ELIGO_RULES_DIR
  candidates.push_back(ELIGO_RULES_DIR);
#endif
#ifdef ELIGO_INSTALLED_RULES_DIR
  candidates.push_back(ELIGO_INSTALLED_RULES_DIR);
#endif
  for (const auto& candidate : candidates) {
    if (fs::is_directory(candidate, error)) return {fs::path(candidate).lexically_normal().string()};
  }
  return {};
}

std::vector<Item> items_of_file(const std::string& path) {
  std::vector<Item> items;
  // What is no rule file is passed over: a pipe would never end, and the parser refuses more than this.
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > dsl::max_file_bytes || error) return items;
  std::ifstream in(path, std::ios::binary);
  std::string line;
  while (std::getline(in, line)) {
    Item item;
    if (!read_header(line, item)) continue;
    item.path = path;
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<Item> list_items(const std::vector<std::string>& folders) {
  std::vector<Item> items;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& place : places(folders)) {
    for (const File& file : files_below(place, ".eli")) {
      for (auto& item : items_of_file(fs::path(file.path).lexically_normal().string())) {
        if (seen.insert({item.kind, dsl::canonical(item.name)}).second) items.push_back(std::move(item));
      }
    }
  }
  return items;
}

struct PartSearch::Listed {
  Place place;
  std::optional<std::vector<File>> files;
};

PartSearch::PartSearch(std::vector<std::string> folders) : folders_(std::move(folders)) {}
PartSearch::~PartSearch() = default;

Found find_part(const std::string& name, const std::string& kind, const std::vector<std::string>& folders) {
  return PartSearch(folders).find(name, kind);
}

std::optional<Found> find_in_library(const std::string& name, const std::string& kind) {
  for (const auto& folder : library_folders())
    if (Found found; find_among(files_below({folder, true}, ".eli"), name, kind, found)) return found;
  return std::nullopt;
}

Found PartSearch::find(const std::string& name, const std::string& kind) {
  const std::pair<std::string, std::string> part(name, kind);
  if (const auto known = found_.find(part); known != found_.end()) return known->second;
  return found_[part] = look_for(name, kind);
}

Found PartSearch::look_for(const std::string& name, const std::string& kind) {
  if (is_file(name) && name.ends_with(".eli")) return find_in_file(name, "", kind);
  const std::size_t colon = name.rfind(':');
  if (colon != std::string::npos && colon > 0) return find_in_file(name.substr(0, colon), name.substr(colon + 1), kind);
  if (name.ends_with(".eli") || name.find('/') != std::string::npos) return find_in_file(name, "", kind);
  if (listed_.empty())
    for (auto& place : places(folders_)) listed_.push_back({std::move(place), std::nullopt});
  for (Listed& listed : listed_) {
    if (!listed.files) listed.files = files_below(listed.place, ".eli");
    Found found;
    if (!find_among(*listed.files, name, kind, found)) continue;
    found.path = fs::path(found.path).lexically_normal().string();
    return found;
  }
  not_found(name, kind, folders_);
}

std::vector<std::string> list_experiments(const std::vector<std::string>& folders) {
  std::vector<std::string> paths;
  for (const auto& place : places(folders)) {
    for (const File& file : files_below(place, ".toml"))
      paths.push_back(fs::path(file.path).lexically_normal().string());
  }
  return paths;
}

std::string find_experiment(const std::string& name, const std::vector<std::string>& folders) {
  if (is_file(name)) return name;
  std::vector<std::string> stems;
  for (const auto& path : list_experiments(folders)) {
    const std::string stem = fs::path(path).stem().string();
    if (stem == name || stem + ".toml" == name) return path;
    stems.push_back(stem);
  }
  if (name.find('/') != std::string::npos) throw Error(fmt::format("{}: there is no such experiment file", name));
  const std::string near = dsl::nearest(name, stems);
  throw Error(
      fmt::format("there is no experiment {}{}", name,
                  near.empty() ? "; `eligo list` shows those that exist" : fmt::format("; did you mean {}?", near)));
}

bool is_run_folder(const std::string& path) {
  const auto has = [&](const char* name) {
    std::error_code error;
    return fs::exists(fs::path(path) / name, error);
  };
  return has("run.lock") || (has("experiment.toml") && (has("metrics.csv") || has("checkpoints")));
}

}  // namespace eligo
