// Where rules, cells, synthesisers, readouts, optimisers and experiments are found.
//
// A part is named in one of three ways:
//   "bp_lambda"            an item of that name in a folder that is searched
//   "mine.eli:my_rule"     an item of a file
//   "path/to/mine.eli"     the one item of that kind in a file
// Folders are searched in this order, the first that has the item wins: the folders given (`--rules DIR`, with their
// subfolders), the current folder (without subfolders), the library (installed beside the command, or the source's).
// Files are only scanned for their headers; the language's own parser reads them later.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eligo {

struct Found {
  std::string path;  // of the file
  std::string item;  // the name in it
};

// `kind` is rule, cell, synth, readout or optimiser. Throws eligo::Error with the nearest name if nothing is found,
// or if one folder has the item in several files and none of them is named like it.
Found find_part(const std::string& name, const std::string& kind, const std::vector<std::string>& folders);

// The same for several parts: the folders are listed once, and a part is looked for once.
class PartSearch {
 public:
  explicit PartSearch(std::vector<std::string> folders);
  ~PartSearch();
  Found find(const std::string& name, const std::string& kind);

 private:
  struct Listed;
  Found look_for(const std::string& name, const std::string& kind);

  std::vector<std::string> folders_;
  std::vector<Listed> listed_;  // filled when first needed
  std::map<std::pair<std::string, std::string>, Found> found_;
};

// The same of the library alone; nothing if it has none.
std::optional<Found> find_in_library(const std::string& name, const std::string& kind);

struct Item {
  std::string kind;  // rule, cell, synth, readout, optimiser
  std::string name;
  std::string path;
};

// The headers of one file; empty if it cannot be read.
std::vector<Item> items_of_file(const std::string& path);
// Everything that find_part could find, in the order of the search; an item that an earlier folder hides is left out.
std::vector<Item> list_items(const std::vector<std::string>& folders);

// An experiment by path ("a/b.toml"), or by name in the folders, their `experiments` folders, the current folder and
// the library. Throws eligo::Error with the nearest name.
std::string find_experiment(const std::string& name, const std::vector<std::string>& folders);
// Paths of all experiments of the folders, the current folder and the library.
std::vector<std::string> list_experiments(const std::vector<std::string>& folders);

// Whether a folder holds a run, also one whose set-up was cut short; such a folder is none of rules.
bool is_run_folder(const std::string& path);

// The library: the first that exists of $ELIGO_RULES, ../share/eligo/rules beside the command, the source's, and where
// it was to be installed. Empty if there is none.
std::vector<std::string> library_folders();
// Puts a folder before these (but behind $ELIGO_RULES). find_package(eligo) compiles a call of it into its users, so
// that they find the installed library wherever they lie themselves. Returns true.
bool add_library_folder(const std::string& folder);

}  // namespace eligo
