// What the comment above an item says of it, in the form that `eligo list` and docs/rules.md are made from:
//
//   # Accumulate BP(λ): one trace per synthesiser parameter, carried forward      the title, then more about it
//   # paper: Pemberton & Costa 2024, eqs. 4, 14-16
//   # identity: with dense traces it equals its own unrolled sum                   may be repeated, as `note` may
//   # test: BpLambda.EqualsItsUnrolledSum, BpLambda.OtherName
//   # note: where the paper is ambiguous, what was chosen
//
// A line without a key belongs to the entry above it.
#pragma once

#include <string>
#include <vector>

#include "dsl/file.h"
#include "runtime/library/library.h"

namespace eligo {

struct ItemNotes {
  std::string title, about, paper;
  std::vector<std::string> identities, tests, notes;
};

ItemNotes notes_of(const dsl::Item& item);

// An item of the library, checked.
struct KnownItem {
  Item place;
  bool tour = false;          // one of the tour's
  dsl::TypedItemPtr checked;  // null: the file has errors, `eligo check` says which
  ItemNotes notes;

  const dsl::Item& item() const { return checked->syntax; }
};

// Everything that find_part could find, in the order of the search; those of the tour last.
std::vector<KnownItem> known_items(const std::vector<std::string>& folders);

}  // namespace eligo
