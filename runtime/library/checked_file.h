// A file of items, parsed and checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dsl/file.h"
#include "dsl/typed_item.h"

namespace eligo {

struct CheckedFile {
  dsl::ParsedFile parsed;
  bool well_formed = false;              // the parser found no error
  std::vector<dsl::TypedItemPtr> items;  // empty if anything is wrong
  dsl::Diagnostics diagnostics;
};

// Reads the file each time; a text that was checked before, under the same path, is not checked again. Never null:
// also a file that cannot be read is a diagnostic.
std::shared_ptr<const CheckedFile> checked_file(const std::string& path);

}  // namespace eligo
