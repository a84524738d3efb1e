// Amounts as people write and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace eligo {

// "2GiB", "512 MiB", "1.5GB", "4096": bytes; nothing for any other text, or for less than one byte.
std::optional<std::uint64_t> read_bytes(const std::string& text);
// "1.5 GiB".
std::string readable_bytes(long double bytes);

// What costs are told in, in powers of 1000: 1234567 -> "1.23 M" operations, "1.23 MB" moved.
std::string count_text(double count);
std::string bytes_text(double bytes);

}  // namespace eligo
