// Files that a user names: read within limits, written back so that nothing but their text changes.
#pragma once

#include <cstdint>
#include <string>

namespace eligo {

// The bytes of a file; eligo::Error with the system's reason, and for a file of more than `limit` bytes, of which no
// more are read (a device has no end).
std::string read_text_file(const std::string& path, std::uint64_t limit);
// The same of a plain file alone: what a program has written itself, and reads again. No pipe is waited for.
std::string read_plain_file(const std::string& path, std::uint64_t limit);
// Of a gibibyte at most.
std::string read_file(const std::string& path);
// All of the standard input within the same bound.
std::string read_standard_input(std::uint64_t limit);

// Gives a file another text. It stays what it is: a symbolic link leads to it as before, and it keeps its mode, its
// owner and its other names. It is replaced in one step where that is possible; where it has other names (hard links), or
// a new file could not have its owner, its text is written into it, and put back if that fails.
void rewrite_text_file(const std::string& path, const std::string& text);

}  // namespace eligo
