#include "runtime/cli/interrupt.h"

#include <csignal>

namespace eligo::cli {
namespace {

volatile std::sig_atomic_t stop_wanted = 0;

void on_interrupt(int signal) {
  stop_wanted = 1;
  if (signal == SIGINT) std::signal(signal, SIG_DFL);
}

}  // namespace

void heed_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
}

bool interrupted() { return stop_wanted != 0; }

}  // namespace eligo::cli
