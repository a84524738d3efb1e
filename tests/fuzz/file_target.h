// A target on a file.
#pragma once

#include <string>

#include "support/error.h"
#include "tests/fuzz/target.h"
#include "tests/runtime/temporary.h"

namespace eligo::fuzz {

inline void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Fault(otherwise);
}

// `read` throws eligo::Error where the file is not what it should be.
class FileTarget : public Target {
 public:
  End run(const std::string& bytes) final {
    const std::string path = folder_.write("input", bytes);
    try {
      read(path);
      return End::accepted;
    } catch (const Error& e) {
      expect(std::string(e.what()).find("input") != std::string::npos, "a refusal that does not name the file");
      return End::refused;
    }
  }
  bool text() const override { return false; }
  std::string extension() const override { return "bin"; }

 protected:
  virtual void read(const std::string& path) = 0;
  test::TemporaryFolder folder_;
};

}  // namespace eligo::fuzz
