// Arrays of numbers as they lie in a file, of any number type, order and shape, and their readers for NumPy's formats.
//
// Beyond 64 MiB a plain .npy file, and a member of an .npz file that is stored uncompressed, is mapped, not read: a
// file larger than the memory is no obstacle. It must not be shortened while a program runs on it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace eligo {

struct NumberArray {
  enum class Type { f64, f32, f16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };
  Type type = Type::f64;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // in bytes, for each axis
  const char* data = nullptr;
  std::shared_ptr<const void> owner;  // of the bytes
  bool mapped = false;                // they lie in a file, and take no memory of their own
  std::string name;                   // "x of FILE", for messages

  bool whole() const { return type != Type::f64 && type != Type::f32 && type != Type::f16; }  // integers and booleans
  std::uint64_t count() const;
  std::uint64_t bytes() const;  // of memory
  // The value so many bytes behind the first.
  double at(std::int64_t offset) const;
  std::string shape_text() const;  // "[100, 50, 3]"
};
const char* type_name(NumberArray::Type type);
int width_of(NumberArray::Type type);

// Throw eligo::Error naming the file, the array, the place and what is wrong: not NumPy's, truncated, damaged, values
// that are no numbers (texts, complex, objects), another byte order.
NumberArray read_npy(const std::string& path);

struct NpzArrays {
  std::vector<std::string> keys;              // of all members
  std::map<std::string, NumberArray> arrays;  // those that were asked for and are there
};
NpzArrays read_npz_arrays(const std::string& path, const std::vector<std::string>& wanted);

}  // namespace eligo
