// Ctrl-C and SIGTERM, as the verbs that train take them.
#pragma once

namespace eligo::cli {

inline constexpr int kInterrupted = 130;  // the exit status, as shells report a process that SIGINT ended

// From here on they are noted, so that work ends where everything is kept. A second Ctrl-C ends the process; a second
// SIGTERM does not, since a batch system may send one to each process of a job and its script another.
void heed_interrupts();
bool interrupted();

}  // namespace eligo::cli
