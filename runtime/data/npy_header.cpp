#include "runtime/data/npy_header.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "runtime/data/little_endian.h"

namespace eligo {
namespace {

constexpr std::uint64_t kLongestHeader = 1 << 16, kMostDimensions = 32;

// The text behind 'key': in a header such as {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
std::string_view header_value(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return "";
  std::string_view rest = header.substr(at + key.size() + 3);
  while (rest.starts_with(" ")) rest.remove_prefix(1);
  const char close = rest.starts_with("(") ? ')' : ',';
  return rest.substr(0, rest.find(close));
}

// Bytes of a value of type '<f8'; 0 where the text is none.
int width_of_type(std::string_view type) {
  if (type.size() < 3 || type.size() > 4) return 0;
  int width = 0;
  for (const char c : type.substr(2)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return 0;
    width = width * 10 + (c - '0');
  }
  return type[1] == 'U' ? 4 * width : width;  // a text's width is in characters
}

// The sizes in the text "3, 4,"; their product, if it is at most `most`, else most + 1.
std::uint64_t read_shape(std::string_view text, std::uint64_t most, std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') continue;
    std::uint64_t size = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      if (size <= most) size = size * 10 + static_cast<std::uint64_t>(text[i] - '0');
    shape.push_back(static_cast<std::int64_t>(size));
    // An empty array's other sizes ask for nothing.
    count = size != 0 && count > most / size ? most + 1 : count * size;
  }
  return count;
}

}  // namespace

NpyHeader read_npy_header(std::uint64_t size, const std::function<std::string(std::uint64_t, std::uint64_t)>& read,
                          const std::function<void(const std::string&)>& wrong) {
  if (size < 12) wrong("not an .npy member");
  const std::string start = read(0, 12);
  if (start.substr(0, 6) != "\x93NUMPY") wrong("not an .npy member");
  const bool long_header = start[6] >= 2;
  const std::uint64_t first = long_header ? 12 : 10, length = number_at(start, 8, long_header ? 4 : 2);
  if (length > kLongestHeader || length > size - first) wrong("its header is longer than the member");
  const std::string text = read(first, length);
  NpyHeader header;
  header.fortran = header_value(text, "fortran_order") == "True";
  const std::string_view type = header_value(text, "descr");
  if (type.size() >= 2) header.type = type.substr(1, type.size() - 2);
  header.width = width_of_type(header.type);
  if (header.width == 0) wrong(fmt::format("values of type {}, expected numbers such as '<f8' or '<f4'", type));
  header.bytes = first + length;
  const auto width = static_cast<std::uint64_t>(header.width);
  const std::uint64_t most = (size - header.bytes) / width;
  header.count = read_shape(header_value(text, "shape"), most, header.shape);
  if (header.shape.size() > kMostDimensions) wrong("more than 32 dimensions");
  if (header.count > most) wrong("the shape asks for more than the file holds");
  if (header.count * width != size - header.bytes) wrong("the member is longer than its shape asks for");
  return header;
}

}  // namespace eligo
