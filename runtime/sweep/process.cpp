#include "runtime/sweep/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "support/error.h"

namespace eligo {
namespace {

// In the new process, between fork and exec: system calls alone.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
  constexpr int not_found = 127;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() == parent && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
    execvp(arguments[0], arguments);
  _exit(not_found);
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(fmt::format("no pipe can be made: {}", std::strerror(errno)));
  return ends;
}

}  // namespace

Process::Process(const std::vector<std::string>& command) : Process(command, make_pipe()) {}

Process::Process(const std::vector<std::string>& command, std::array<int, 2> pipe) : output_(pipe[0]) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const Descriptor to(pipe[1]);
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ < 0) throw Error(fmt::format("{}: no process can be made: {}", command[0], std::strerror(errno)));
  if (id_ == 0) become(arguments.data(), to.number(), parent);
  fcntl(output(), F_SETFL, O_NONBLOCK);
}

bool Process::read(std::string& text) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t got = ::read(output(), bytes.data(), bytes.size());
    if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
    else if (got < 0 && errno == EINTR) continue;
    else return got < 0 && errno == EAGAIN;
  }
}

int Process::wait() {
  int status = 0;
  while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

std::string status_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string own_command() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error(fmt::format("/proc/self/exe: cannot be read: {}", error.message()));
  return path.string();
}

}  // namespace eligo
