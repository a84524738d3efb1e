#include "tests/fuzz/driver.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace eligo::fuzz {
namespace {

constexpr int kThrew = 77;              // the exit code of a process whose input threw; a sanitizer's is another
constexpr std::uint64_t kBatch = 2000;  // inputs of a process, so that what libraries never free does not add up
[[maybe_unused]] constexpr rlim_t kMemory = rlim_t{6} << 30;

// The time of the processor counts, not that of a busy machine; but what waits for ever is not let wait for ever.
void start_clock(unsigned seconds) {
  const itimerval limit{{0, 0}, {static_cast<time_t>(seconds), 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  alarm(10 * seconds);
}

void stop_clock() {
  const itimerval none{};
  setitimer(ITIMER_PROF, &none, nullptr);
  alarm(0);
}

// What the process of the inputs tells the one that watches it.
struct Shared {
  std::uint64_t seed, accepted, refused, unjudged;
  char message[4000];
};

class SharedMemory {
 public:
  SharedMemory() {
    void* const p = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (p) Shared{};
  }
  ~SharedMemory() { munmap(shared_, sizeof(Shared)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared* operator->() const { return shared_; }

 private:
  Shared* shared_;
};

void note(Shared& shared, const char* text) { std::snprintf(shared.message, sizeof shared.message, "%s", text); }

// A sanitizer reserves more address space than any limit.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{kMemory, kMemory};
  setrlimit(RLIMIT_AS, &limit);
#endif
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

template <class Work>
[[noreturn]] void in_child(Shared& shared, bool quiet, const Work& work) {
  limit_memory();
  if (quiet) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    dup2(null, STDOUT_FILENO);
  }
  int code = 0;
  try {
    work();
  } catch (const std::exception& e) {
    note(shared, e.what());
    code = kThrew;
  } catch (...) {
    note(shared, "something that is no exception was thrown");
    code = kThrew;
  }
  std::fflush(nullptr);
  _exit(code);
}

template <class Work>
int in_process(Shared& shared, bool quiet, const Work& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no further process can be started");
  if (child == 0) in_child(shared, quiet, work);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

std::string described(int status, const Shared& shared, unsigned seconds) {
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM)
      return "took longer than " + std::to_string(seconds) + " s";
    return std::string("was ended by a signal: ") + strsignal(WTERMSIG(status));
  }
  if (WEXITSTATUS(status) == kThrew) return std::string("threw: ") + shared.message;
  if (WEXITSTATUS(status) != 0) return "ended the process with code " + std::to_string(WEXITSTATUS(status));
  return "";
}

// Two failures are the same kind if they begin alike: messages go on with names and numbers of the input.
bool alike(const std::string& a, const std::string& b) {
  constexpr std::size_t kBeginning = 30;
  return a.substr(0, kBeginning) == b.substr(0, kBeginning);
}

std::vector<std::string> pieces_of(const std::string& input, bool text) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = text ? input.find('\n', at) : at;
    const std::size_t size = end == std::string::npos ? input.size() - at : end + 1 - at;
    pieces.push_back(input.substr(at, size));
    at += size;
  }
  return pieces;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  return all;
}

// Leaves out runs of pieces, long ones first, as long as what is left fails alike.
std::string minimised(Target& target, const std::string& input, const std::string& what) {
  std::vector<std::string> pieces = pieces_of(input, target.text());
  int tries = 300;
  for (std::size_t length = std::max<std::size_t>(1, pieces.size() / 2); tries > 0; length /= 2) {
    for (std::size_t at = 0; at < pieces.size() && tries > 0;) {
      std::vector<std::string> fewer = pieces;
      const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(length, pieces.size() - at)));
      --tries;
      if (alike(fault_of(target, joined(fewer)), what)) pieces = std::move(fewer);
      else at += length;
    }
    if (length <= 1) break;
  }
  return joined(pieces);
}

void run_seeds(Target& target, Shared& shared, std::uint64_t end) {
  for (; shared.seed < end; ++shared.seed) {
    start_clock(target.seconds());
    switch (target.run(target.input(shared.seed))) {
      case End::accepted: ++shared.accepted; break;
      case End::refused: ++shared.refused; break;
      case End::unjudged: ++shared.unjudged; break;
    }
  }
  stop_clock();
}

}  // namespace

std::string fault_of(Target& target, const std::string& input) {
  const SharedMemory shared;
  const int status = in_process(*shared.operator->(), true, [&] {
    start_clock(target.seconds());
    target.run(input);
  });
  return described(status, *shared.operator->(), target.seconds());
}

Campaign run_campaign(Target& target, const CampaignOptions& options) {
  const SharedMemory memory;
  Shared& shared = *memory.operator->();
  Campaign campaign;
  const std::uint64_t end = options.seed + options.runs;
  std::uint64_t told = 0;
  for (shared.seed = options.seed; shared.seed < end;) {
    const std::uint64_t stop = std::min(end, shared.seed + kBatch);
    const int status = in_process(shared, false, [&] { run_seeds(target, shared, stop); });
    if (status != 0) {
      Finding finding{shared.seed, described(status, shared, target.seconds()), target.input(shared.seed)};
      if (options.minimise) finding.input = minimised(target, finding.input, finding.what);
      campaign.findings.push_back(std::move(finding));
      ++shared.seed;
      if (campaign.findings.size() >= options.most_findings) break;
    }
    const std::uint64_t done = shared.seed - options.seed;
    if (options.progress > 0 && done / options.progress > told) {
      told = done / options.progress;
      std::fprintf(stderr, "%llu inputs, %llu accepted, %zu faults\n", static_cast<unsigned long long>(done),
                   static_cast<unsigned long long>(shared.accepted), campaign.findings.size());
    }
  }
  campaign.accepted = shared.accepted;
  campaign.refused = shared.refused;
  campaign.unjudged = shared.unjudged;
  return campaign;
}

}  // namespace eligo::fuzz
