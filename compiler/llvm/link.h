// Compiled object files as functions of this process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"

namespace eligo::compiler {

// Object files that come one by one. Functions are linked, with what they call, when they are looked up. ELIGO_GDB=1
// shows them to gdb.
class Linker {
 public:
  Linker();
  ~Linker();
  void add(const std::string& object);
  // Throws std::runtime_error where what was added is unsound or does not define the names.
  std::map<std::string, Kernels::Function> find(const std::vector<std::string>& names);

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

// All of them at once. Throws as Linker::find.
std::shared_ptr<Kernels> link(const std::vector<std::string>& objects, const std::vector<std::string>& names);

}  // namespace eligo::compiler
