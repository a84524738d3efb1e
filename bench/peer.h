// Another implementation of the same work, in a process of its own that answers lines of JSON (protocol/protocol.py).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/workload.h"

namespace eligo::bench {

// Names that --vs takes: eigen, torch, numpy, numpy32, jax.
const std::vector<std::string>& peer_names();

class Peer {
 public:
  // Starts it. Throws eligo::Error, with what to install, where its libraries are not here.
  explicit Peer(const std::string& name);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& name() const { return name_; }
  const std::string& about() const { return about_; }  // versions: "PyTorch 1.13, OpenBLAS core SkylakeX"
  // Empty if the peer can do this, otherwise why not.
  std::string prepare(const Workload& workload);
  std::vector<double> round(double seconds);  // samples of what was prepared
  nlohmann::json ask(const nlohmann::json& request);

 private:
  bool start(const std::vector<std::string>& command);
  void stop();

  std::string name_, about_;
  int pid_ = -1, to_ = -1, from_ = -1;
  std::string unread_;
};

}  // namespace eligo::bench
