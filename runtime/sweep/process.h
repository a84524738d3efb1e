// A command in a process of its own, what it says read as it comes.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "support/descriptor.h"

namespace eligo {

class Process {
 public:
  // Both of its streams come here. It gets a SIGTERM when this process ends, however it does. Throws eligo::Error.
  explicit Process(const std::vector<std::string>& command);
  Process(Process&&) noexcept = default;

  pid_t id() const { return id_; }
  int output() const { return output_.number(); }
  // What it has said since, without waiting; false when its streams are closed.
  bool read(std::string& text);
  // Until it ends: its status as waitpid gives it.
  int wait();

 private:
  Process(const std::vector<std::string>& command, std::array<int, 2> pipe);

  pid_t id_ = -1;
  Descriptor output_;
};

// "exit status 3", "signal 9 (Killed)".
std::string status_text(int status);

// The file of this process's own command.
std::string own_command();

}  // namespace eligo
