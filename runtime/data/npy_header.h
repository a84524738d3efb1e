// The header of an .npy file or member: type, order and shape of the values that follow.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace eligo {

struct NpyHeader {
  std::string type;  // as NumPy writes it: "<f8", "|u1"
  int width = 0;     // bytes of a value
  bool fortran = false;
  std::vector<std::int64_t> shape;
  std::uint64_t count = 0;  // of values
  std::uint64_t bytes = 0;  // of the header: values begin behind it
};

// Of a file or member with `size` bytes in all, whose bytes `read(at, count)` returns. `wrong(what)` is called with the
// first fault and must throw: no header, a type without a width, more values than bytes, bytes left over.
NpyHeader read_npy_header(std::uint64_t size, const std::function<std::string(std::uint64_t, std::uint64_t)>& read,
                          const std::function<void(const std::string&)>& wrong);

}  // namespace eligo
