// fuzz: the targets.
// fuzz TARGET [--runs N] [--seed S] [--save FOLDER]: inputs of the seeds S, S+1, ..., S+N-1.
// fuzz TARGET --input FILE [--accepted]: one input again, which must not be refused.
// fuzz TARGET --print S: the input of a seed.
#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/driver.h"

namespace eligo::fuzz {

const std::vector<Entry>& targets() {
  static const std::vector<Entry> all = {
      {"parser", "damaged rule files: parsed, checked, reported, printed and parsed again", make_parser_target},
      {"experiment", "damaged TOML files: an experiment that is taken is the same when resolved",
       make_experiment_target},
      {"case", "damaged JSON cases of `eligo eval`", make_case_target},
      {"npz", "damaged checkpoints", make_npz_target},
      {"idx", "damaged image and label files, plain and gzipped", make_idx_target},
      {"sequences", "damaged files of own data, in every form", make_sequences_target},
      {"metrics", "damaged metrics.csv", make_metrics_target},
      {"plan", "damaged plans of sweeps", make_plan_target},
      {"samples", "damaged tables [sweep]: every value lies in its range", make_samples_target},
      {"cache", "damaged entries of the cache of compiled programs", make_cache_target},
      {"rules", "rules, cells, readouts and synthesisers by grammar: kernels against the interpreter",
       make_rules_target},
  };
  return all;
}

namespace {

struct Arguments {
  const Entry* target = nullptr;
  CampaignOptions campaign;
  std::string save = ".", input;
  bool print = false, accepted = false;
};

[[noreturn]] void usage(const std::string& fault) {
  if (!fault.empty()) fmt::print(stderr, "error: {}\n", fault);
  fmt::print(stderr,
             "usage: fuzz TARGET [--runs N] [--seed S] [--save FOLDER] | --input FILE [--accepted] | --print S\n");
  for (const Entry& entry : targets()) fmt::print(stderr, "  {:<12}{}\n", entry.name, entry.about);
  std::exit(2);
}

std::uint64_t number(const std::string& text) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != 0 || text[0] == '-') usage("\"" + text + "\" is no number");
  return value;
}

Arguments read_arguments(int count, char** words) {
  Arguments arguments;
  for (const Entry& entry : targets())
    if (count > 1 && std::string(words[1]) == entry.name) arguments.target = &entry;
  if (!arguments.target) usage(count > 1 ? std::string("there is no target \"") + words[1] + "\"" : "");
  for (int i = 2; i < count; i += 2) {
    if (std::string(words[i]) == "--accepted") {
      arguments.accepted = true;
      --i;
      continue;
    }
    const std::string option = words[i], value = i + 1 < count ? words[i + 1] : "";
    if (option == "--runs") arguments.campaign.runs = number(value);
    else if (option == "--seed") arguments.campaign.seed = number(value);
    else if (option == "--save") arguments.save = value;
    else if (option == "--input") arguments.input = value;
    else if (option == "--print") arguments.campaign.seed = number(value), arguments.print = true;
    else usage("there is no option \"" + option + "\"");
  }
  return arguments;
}

// Not in a process of its own: a debugger and a sanitizer see it.
int run_again(Target& target, const std::string& path, bool must_be_accepted) {
  std::ifstream in(path, std::ios::binary);
  if (!in) usage(path + " cannot be read");
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  const char* const ends[] = {"accepted", "refused", "accepted, but it says nothing"};
  try {
    const End end = target.run(bytes);
    fmt::print("{}\n", ends[static_cast<int>(end)]);
    return must_be_accepted && end != End::accepted ? 1 : 0;
  } catch (const std::exception& e) {
    fmt::print("fault: {}\n", e.what());
    return 1;
  }
}

void save(const Arguments& arguments, Target& target, const Finding& finding) {
  const std::string path =
      fmt::format("{}/fuzz-{}-{}.{}", arguments.save, arguments.target->name, finding.seed, target.extension());
  std::ofstream(path, std::ios::binary) << finding.input;
  fmt::print("seed {} {}\n  saved, as small as it goes: {}\n  again: fuzz {} --input {}\n", finding.seed, finding.what,
             path, arguments.target->name, path);
}

int run(const Arguments& arguments) {
  const std::unique_ptr<Target> target = arguments.target->make();
  if (arguments.print) {
    const std::string input = target->input(arguments.campaign.seed);
    std::fwrite(input.data(), 1, input.size(), stdout);
    return 0;
  }
  if (!arguments.input.empty()) return run_again(*target, arguments.input, arguments.accepted);
  CampaignOptions options = arguments.campaign;
  options.progress = 10000;
  const auto begin = std::chrono::steady_clock::now();
  const Campaign campaign = run_campaign(*target, options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  for (const Finding& finding : campaign.findings) save(arguments, *target, finding);
  fmt::print("{}: {} inputs from seed {}: {} accepted, {} refused, {} accepted but not judged, {} faults; {:.1f} s\n",
             arguments.target->name, campaign.runs(), options.seed, campaign.accepted, campaign.refused,
             campaign.unjudged, campaign.findings.size(), seconds.count());
  if (!campaign.findings.empty()) return 1;
  const std::uint64_t least = campaign.runs() * static_cast<std::uint64_t>(target->least_accepted()) / 100;
  if (campaign.runs() >= 100 && campaign.accepted < least) {
    fmt::print("fewer than {} % are accepted: the inputs no longer test what they should\n", target->least_accepted());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace eligo::fuzz

int main(int count, char** words) { return eligo::fuzz::run(eligo::fuzz::read_arguments(count, words)); }
