// Values as bytes and back, for files of this machine's own: numbers as they lie in memory. A type says once which
// fields it consists of, for both ways:
//
//   void fields(auto& archive, Clip& c) {
//     auto& [gathered, gradient, hyper, bound] = c;  // a new field does not compile until it is named here
//     archive(gathered, gradient, hyper, bound);
//   }
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace eligo::compiler {

class ArchiveWriter {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (write(values), ...);
  }
  std::string bytes;

 private:
  template <class T>
  void write(const T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      fields(*this, const_cast<T&>(value));  // which only reads here
    }
  }
  void write(const std::string& text) {
    write(static_cast<std::uint64_t>(text.size()));
    bytes += text;
  }
  template <class T>
  void write(const std::vector<T>& values) {
    write(static_cast<std::uint64_t>(values.size()));
    for (const T& value : values) write(value);
  }
  template <class K, class V>
  void write(const std::map<K, V>& values) {
    write(static_cast<std::uint64_t>(values.size()));
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <class A, class B>
  void write(const std::pair<A, B>& value) {
    (*this)(value.first, value.second);
  }
};

// Throws std::runtime_error where the bytes end too early or promise more than there are.
class ArchiveReader {
 public:
  explicit ArchiveReader(std::string_view bytes) : rest_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (read(values), ...);
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) throw std::runtime_error("an archive ends too early");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint64_t count() {  // of elements, none of which takes less than a byte
    std::uint64_t n = 0;
    read(n);
    if (n > rest_.size()) throw std::runtime_error("an archive promises more than it has");
    return n;
  }
  template <class T>
  void read(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      const char byte = take(1).front();
      if (byte != 0 && byte != 1) throw std::runtime_error("an archive has a flag that is neither true nor false");
      value = byte == 1;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
    } else {
      fields(*this, value);
    }
  }
  void read(std::string& text) { text = take(count()); }
  template <class T>
  void read(std::vector<T>& values) {
    values.resize(count());
    for (T& value : values) read(value);
  }
  template <class K, class V>
  void read(std::map<K, V>& values) {
    for (std::uint64_t n = count(); n > 0; --n) {
      std::pair<K, V> entry;
      read(entry);
      values.insert(std::move(entry));
    }
  }
  template <class A, class B>
  void read(std::pair<A, B>& value) {
    (*this)(value.first, value.second);
  }

  std::string_view rest_;
};

}  // namespace eligo::compiler
