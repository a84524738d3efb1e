#include "bench/peer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "support/error.h"

namespace eligo::bench {
namespace {

namespace fs = std::filesystem;

// What to start for a peer, the first that runs; and what to say if none does.
struct Kind {
  std::string name, script, missing;
  std::vector<std::string> arguments = {};
  const char* python = nullptr;  // the variable that names the Python that has its libraries, if any does
};

const std::vector<Kind>& kinds() {
  const char* const no_numpy = "NumPy is not here: on Debian, apt-get install python3-numpy libopenblas0-pthread";
  static const std::vector<Kind> all = {
      {"eigen", "", "the command eligo_eigen_peer is not beside this one: build all targets"},
      {"torch",
       "torch/peer.py",
       "PyTorch is not here: on Debian, apt-get install python3-torch libopenblas0-pthread",
       {},
       "ELIGO_TORCH_PYTHON"},
      {"torch_compile",
       "torch/peer.py",
       "torch.compile is not here: ./run bench --peers current installs a PyTorch that has it",
       {"--compile"},
       "ELIGO_TORCH_PYTHON"},
      {"numpy", "numpy/peer.py", no_numpy, {}, "ELIGO_NUMPY_PYTHON"},
      {"numpy32", "numpy/peer.py", no_numpy, {}, "ELIGO_NUMPY_PYTHON"},
      {"jax",
       "jax/peer.py",
       "JAX is not here: pip install jax, and name its Python in ELIGO_JAX_PYTHON",
       {},
       "ELIGO_JAX_PYTHON"},
      {"braintrace",
       "braintrace/peer.py",
       "braintrace is not here: ./run bench --peers current installs it",
       {},
       "ELIGO_BRAINTRACE_PYTHON"}};
  return all;
}

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::vector<std::vector<std::string>> commands(const Kind& kind) {
  if (kind.script.empty()) return {{(fs::read_symlink("/proc/self/exe").parent_path() / "eligo_eigen_peer").string()}};
  const std::string script = (fs::path(variable("ELIGO_BENCH", ELIGO_BENCH_DIR)) / kind.script).string();
  std::vector<std::vector<std::string>> all;
  if (kind.python != nullptr && *variable(kind.python, "").c_str()) all.push_back({variable(kind.python, ""), script});
  // Debian's packages are of its own Python, which may not be the first on the path.
  for (const char* python : {"/usr/bin/python3", "python3"}) all.push_back({python, script});
  for (auto& command : all) command.insert(command.end(), kind.arguments.begin(), kind.arguments.end());
  return all;
}

// One thread unless the peer is told otherwise; large blocks kept by the allocator; and no guess about the processor,
// which OpenBLAS may take for one without wide vectors.
std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** e = environ; *e; ++e) all.emplace_back(*e);
  const auto set = [&](const std::string& name, const std::string& value) {
    if (std::getenv(name.c_str()) == nullptr) all.push_back(name + "=" + value);
  };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) set("OPENBLAS_CORETYPE", "SKYLAKEX");
#endif
  set("GLIBC_TUNABLES",
      "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296:"
      "glibc.malloc.top_pad=268435456");
  set("PYTHONDONTWRITEBYTECODE", "1");
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (auto& w : words) all.push_back(w.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Kind& k : kinds()) all.push_back(k.name);
    return all;
  }();
  return names;
}

Peer::Peer(const std::string& name) : name_(name) {
  const auto kind = std::find_if(kinds().begin(), kinds().end(), [&](const Kind& k) { return k.name == name; });
  if (kind == kinds().end())
    throw Error(fmt::format("there is no peer {}; there are {}", name, fmt::join(peer_names(), ", ")));
  for (const auto& command : commands(*kind))
    if (start(command)) return;
  throw Error(kind->missing);
}

Peer::~Peer() { stop(); }

bool Peer::start(const std::vector<std::string>& command) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that has ended is noticed by what it does not answer
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return false;
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]), close(in[1]);
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> words = command, variables = environment();
  pid_t pid = -1;
  const int failed =
      posix_spawnp(&pid, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]), close(out[1]);
  to_ = in[1], from_ = out[0];
  pid_ = failed ? -1 : pid;
  if (failed) {
    stop();
    return false;
  }
  try {
    const nlohmann::json hello = ask({{"do", "hello"}});
    std::vector<std::string> versions;
    for (const auto& [what, version] : hello.at("versions").items())
      versions.push_back(what + " " + version.get<std::string>());
    about_ = fmt::format("{}", fmt::join(versions, ", "));
    return true;
  } catch (const std::exception&) {
    stop();
    return false;
  }
}

void Peer::stop() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  to_ = from_ = -1;
  unread_.clear();
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

nlohmann::json Peer::ask(const nlohmann::json& request) {
  constexpr int longest = 900'000;  // milliseconds
  const std::string line = request.dump() + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = write(to_, line.data() + sent, line.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw Error(fmt::format("the peer {} has ended", name_));
    sent += static_cast<std::size_t>(n);
  }
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      const std::string answer = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      nlohmann::json reply = nlohmann::json::parse(answer, nullptr, false);
      if (reply.is_discarded()) throw Error(fmt::format("the peer {} answered what is no JSON", name_));
      if (reply.contains("error"))
        throw Error(fmt::format("the peer {}: {}", name_, reply["error"].get<std::string>()));
      return reply;
    }
    pollfd wait{from_, POLLIN, 0};
    const int ready = poll(&wait, 1, longest);
    if (ready < 0 && errno == EINTR) continue;
    char some[65536];
    const ssize_t n = ready > 0 ? read(from_, some, sizeof some) : 0;
    if (n <= 0) throw Error(fmt::format("the peer {} gave no answer", name_));
    unread_.append(some, static_cast<std::size_t>(n));
  }
}

std::string Peer::prepare(const Workload& workload) {
  nlohmann::json description = to_json(workload);
  if (name_ == "numpy") description["dtype"] = "f64";  // what authors' code has, NumPy's own
  const nlohmann::json reply = ask({{"do", "prepare"}, {"workload", description}});
  return reply.contains("skip") ? reply["skip"].get<std::string>() : "";
}

std::vector<double> Peer::round(double seconds) {
  return ask({{"do", "time"}, {"seconds", seconds}}).at("samples").get<std::vector<double>>();
}

}  // namespace eligo::bench
