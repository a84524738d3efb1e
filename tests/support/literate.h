// Literate tests: files of cases, each an input and its exact expected text.
//
//   == title
//   -- action           what is done with the input
//   …input…
//   --
//   …expected…
//
// What stands before the first case is about the file. BINARY --regenerate FILE… rewrites the expected texts, to be
// reviewed as a diff.
#pragma once

#include <functional>
#include <string>

namespace eligo::test {

struct LiterateCase {
  std::string title, action, input, expected;
  int line = 0;
};

// The `main` of such a test: `run` makes the text that is compared. Returns the exit status.
int literate_main(int count, char** arguments, const std::function<std::string(const LiterateCase&)>& run);

}  // namespace eligo::test
