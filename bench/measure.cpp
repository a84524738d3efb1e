#include "bench/measure.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "dsl/diagnostic.h"
#include "support/error.h"

namespace eligo::bench {
namespace {

// Something that is sampled in rounds; `slow` once a call alone takes more than its share of time.
struct Contender {
  std::string name;
  std::function<std::vector<double>(double)> round;
  std::vector<double> samples;
  bool slow = false;
};

Contender contender(const std::string& name, Run& run, Clock clock) {
  const auto sampler = std::make_shared<Sampler>([&run] { run.call(); }, clock);
  return {name,
          [sampler](double seconds) {
            const std::size_t before = sampler->samples().size();
            sampler->round(seconds);
            return std::vector<double>(sampler->samples().begin() + static_cast<std::ptrdiff_t>(before),
                                       sampler->samples().end());
          },
          {}};
}

void take_turns(std::vector<Contender>& all, const Effort& effort, std::vector<PeerTiming>& failed) {
  for (int r = 0; r < effort.rounds; ++r)
    for (Contender& c : all) {
      if (c.slow) continue;
      try {
        const std::vector<double> more = c.round(effort.round);
        c.samples.insert(c.samples.end(), more.begin(), more.end());
        c.slow = more.back() > 8 * effort.round;
      } catch (const Error& e) {
        failed.push_back({c.name, {}, e.what()});
        c.slow = true;
        c.samples.clear();
      }
    }
}

}  // namespace

const PeerTiming* Row::peer(const std::string& name) const {
  for (const PeerTiming& p : peers)
    if (p.peer == name) return &p;
  return nullptr;
}

double Row::times_faster(const std::string& name) const {
  const PeerTiming* other = peer(name);
  return other && timing.median > 0 ? other->timing.median / timing.median : 0;
}

static void measure_into(Row& row, const std::vector<Peer*>& peers, const Machine& machine, const Effort& effort) {
  const Workload& workload = row.workload;
  Run run(workload);
  const Clock clock = workload.threads == 1 ? Clock::processor : Clock::wall;
  std::vector<Contender> all = {contender("eligo", run, clock)};
  std::unique_ptr<Run> single;
  if (workload.threads > 1) {
    Workload alone = workload;
    alone.threads = 1;
    single = std::make_unique<Run>(alone, run.program());
    all.push_back(contender(kOneThread, *single, clock));
  }
  for (Peer* peer : peers) {
    try {
      if (const std::string why = peer->prepare(workload); !why.empty()) row.peers.push_back({peer->name(), {}, why});
      else all.push_back({peer->name(), [peer](double seconds) { return peer->round(seconds); }, {}});
    } catch (const Error& e) {
      row.peers.push_back({peer->name(), {}, e.what()});
    }
  }
  take_turns(all, effort, row.peers);
  row.timing = summarise(all[0].samples);
  for (std::size_t i = 1; i < all.size(); ++i)
    if (!all[i].samples.empty()) row.peers.push_back({all[i].name, summarise(all[i].samples), ""});
  row.profile = profile(workload, machine, effort.profile);
  const double peak = machine.peak(workload.program.float64) * std::min(workload.threads, machine.cores);
  if (peak > 0 && row.timing.median > 0) row.of_peak = row.profile.operations / peak / row.timing.median;
  if (row.timing.median > 0) row.of_bandwidth = row.profile.moving / row.timing.median;
}

Row measure(const Workload& workload, const std::vector<Peer*>& peers, const Machine& machine, const Effort& effort) {
  Row row;
  row.workload = workload;
  try {
    measure_into(row, peers, machine, effort);
  } catch (const dsl::SourceError& e) {
    row.fault = dsl::render(e.diagnostics(), false);
  } catch (const Error& e) {
    row.fault = e.what();
  }
  return row;
}

std::string shape_text(const Workload& w) {
  const auto size = [&](const char* name) {
    const auto found = w.program.sizes.find(name);
    return found == w.program.sizes.end() ? 0 : found->second;
  };
  const std::int64_t units = w.program.cell.starts_with("sparsenet") ? size("w") : size("n");
  const std::string net = fmt::format("{} {}", w.program.cell, units);
  if (w.online) return fmt::format("{}, B = {}, a step", net, w.batch);
  return fmt::format("{}, B = {}, T = {}", net, w.batch, w.steps);
}

nlohmann::json to_json(const Row& row) {
  const Workload& w = row.workload;
  nlohmann::json j = {{"name", w.name}, {"shape", shape_text(w)}, {"threads", w.threads}, {"workload", to_json(w)}};
  if (!row.fault.empty()) {
    j["fault"] = row.fault;
    return j;
  }
  j["seconds"] = to_json(row.timing);
  j["operations"] = row.profile.operations;
  j["bytes"] = row.profile.bytes;
  j["of_peak"] = row.of_peak;
  j["of_bandwidth"] = row.of_bandwidth;
  j["phases"] = to_json(row.profile);
  j["peers"] = nlohmann::json::object();
  for (const PeerTiming& p : row.peers) {
    if (p.skipped.empty())
      j["peers"][p.peer] = {{"seconds", to_json(p.timing)}, {"times_faster", row.times_faster(p.peer)}};
    else j["peers"][p.peer] = {{"skipped", p.skipped}};
  }
  return j;
}

}  // namespace eligo::bench
