// What a machine is called, for people who compare what was measured on it.
#pragma once

#include <string>

namespace eligo {

// As the processor names itself; "processor" where it does not.
std::string processor_name();
// The operating system with its version, and the kind of machine: "Linux 6.1.0 x86_64".
std::string system_name();

}  // namespace eligo
