// Compiled object files as functions of this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"

namespace eligo::compiler {

// Throws std::runtime_error where the objects are unsound or do not define the names. ELIGO_GDB=1 shows the kernels to
// gdb.
std::shared_ptr<Kernels> link(const std::vector<std::string>& objects, const std::vector<std::string>& names);

}  // namespace eligo::compiler
