#include "runtime/tasks/listops.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "support/random.h"

namespace eligo {
namespace {

constexpr std::int64_t kDigits = 10, kOperators = 4;
constexpr std::uint64_t kBatches = 1000;  // of an epoch, where nothing says how many
// How often an argument is a list where it may be one, and how often a list that may end does.
constexpr double kNests = 0.25, kEnds = 0.2;

// What a list's arguments come to.
int apply(std::uint8_t what, std::vector<int> arguments) {
  std::sort(arguments.begin(), arguments.end());
  const std::size_t half = arguments.size() / 2;
  switch (what) {
    case kMax: return arguments.back();
    case kMin: return arguments.front();
    case kMedian: return arguments.size() % 2 == 1 ? arguments[half] : (arguments[half - 1] + arguments[half]) / 2;
    default: return std::accumulate(arguments.begin(), arguments.end(), 0) % static_cast<int>(kDigits);
  }
}

class ListOps final : public Task {
 public:
  explicit ListOps(const TaskSpec& spec)
      : size_{whole(spec, "steps"), whole(spec, "depth"), whole(spec, "arguments")},
        validation_(static_cast<std::uint64_t>(whole(spec, "validation"))),
        test_(static_cast<std::uint64_t>(whole(spec, "test"))),
        batch_(spec.batch),
        batches_(spec.batches_per_epoch == 0 ? kBatches : spec.batches_per_epoch),
        seed_(spec.seed) {}

  TaskShape shape() const override {
    return {kListOpsTokens, kDigits, 4, size_.steps, batches_, batches(validation_), batches(test_)};
  }

  // Training draws fresh expressions for each seed and epoch; those of validation and test are the same for all seeds.
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const bool train = split == Split::train;
    const std::uint64_t first = (train ? epoch * batches_ + index : index) * batch_;
    const std::uint64_t end = train ? first + batch_ : std::min(first + batch_, split == Split::test ? test_ : validation_);
    const char* purpose = train ? "listops" : split == Split::test ? "listops test" : "listops validation";
    std::vector<std::vector<std::uint8_t>> lists;
    for (std::uint64_t i = first; i < end; ++i) lists.push_back(draw_list(train ? seed_ : 0, purpose, i, size_));
    return batch_of_lists(lists);
  }

  std::string score_name() const override { return "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    if (outputs.size() != batch.y.size()) return {};  // a readout that puts out something else
    return count_correct(batch, outputs, kDigits);
  }

  std::string description() const override {
    return fmt::format("lists drawn by the program, of at most {} tokens, {} deep, with 2 to {} arguments", size_.steps,
                       size_.depth, size_.arguments);
  }

 private:
  static std::int64_t whole(const TaskSpec& spec, const char* name) {
    return static_cast<std::int64_t>(spec.numbers.at(name));
  }
  std::uint64_t batches(std::uint64_t lists) const { return (lists + batch_ - 1) / batch_; }

  static Batch batch_of_lists(const std::vector<std::vector<std::uint8_t>>& lists) {
    Batch batch;
    const std::size_t examples = lists.size();
    std::size_t steps = 0;
    for (const auto& list : lists) steps = std::max(steps, list.size());
    batch.steps = static_cast<std::int64_t>(steps);
    batch.examples = static_cast<std::int64_t>(examples);
    batch.x.assign(steps * examples * kListOpsTokens, 0);
    batch.y.assign(steps * examples * kDigits, 0);
    batch.loss_mask.assign(steps * examples, 0);
    for (std::size_t b = 0; b < examples; ++b) {
      batch.lengths.push_back(static_cast<std::int64_t>(lists[b].size()));
      for (std::size_t t = 0; t < lists[b].size(); ++t) batch.x[(t * examples + b) * kListOpsTokens + lists[b][t]] = 1;
      const std::size_t last = (lists[b].size() - 1) * examples + b;
      batch.y[last * kDigits + static_cast<std::size_t>(list_value(lists[b]))] = 1;
      batch.loss_mask[last] = 1;
    }
    return batch;
  }

  ListOpsSize size_;
  std::uint64_t validation_, test_, batch_, batches_, seed_;
};

}  // namespace

// Token by token: at each place a digit, a further list where there is room for the shortest one, or the end of a list
// that has two arguments. There is always room to close what is open.
std::vector<std::uint8_t> draw_list(std::uint64_t seed, const char* purpose, std::uint64_t example,
                                    const ListOpsSize& size) {
  const Key key = make_key(seed, purpose, example);
  std::uint64_t draws = 0;
  const auto pick = [&](std::uint64_t bound) { return static_cast<std::uint8_t>(integer(key, draws++, bound)); };
  const auto chance = [&](double share) { return uniform(key, draws++) < share; };
  std::vector<std::uint8_t> tokens = {static_cast<std::uint8_t>(kMax + pick(kOperators))};
  std::vector<std::int64_t> open = {0};  // arguments of the lists that are open
  std::int64_t needed = 3;               // tokens that close what is open, with two arguments each
  while (!open.empty()) {
    std::int64_t& arguments = open.back();
    const std::int64_t room = size.steps - static_cast<std::int64_t>(tokens.size()) - needed;
    const bool more = arguments < 2 || (arguments < size.arguments && room > 0);
    if (!more || (arguments >= 2 && chance(kEnds))) {
      tokens.push_back(kClose);
      open.pop_back();
      --needed;
      continue;
    }
    const std::int64_t counted = arguments < 2 ? 1 : 0;  // of what is needed
    ++arguments;
    needed -= counted;
    if (room + counted >= 4 && static_cast<std::int64_t>(open.size()) < size.depth && chance(kNests)) {
      tokens.push_back(static_cast<std::uint8_t>(kMax + pick(kOperators)));
      open.push_back(0);
      needed += 3;
    } else {
      tokens.push_back(pick(kDigits));
    }
  }
  return tokens;
}

int list_value(const std::vector<std::uint8_t>& tokens) {
  std::vector<std::pair<std::uint8_t, std::vector<int>>> open(1);
  for (const std::uint8_t token : tokens) {
    if (token < kDigits) {
      open.back().second.push_back(token);
    } else if (token < kClose) {
      open.emplace_back(token, std::vector<int>());
    } else {
      const int value = apply(open.back().first, std::move(open.back().second));
      open.pop_back();
      open.back().second.push_back(value);
    }
  }
  return open.front().second.front();
}

TaskKind listops_kind() {
  return {"listops",
          "nested lists with MIN, MAX, MED and SM, token by token; their value wanted at the end",
          {{.name = "steps", .help = "tokens of a list at most", .value = 50, .low = 4, .high = 1e5},
           {.name = "depth", .help = "lists within each other at most", .value = 4, .low = 1, .high = 1000},
           {.name = "arguments", .help = "of a list at most; at least two", .value = 5, .low = 2, .high = 1000},
           {.name = "validation", .help = "lists of the validation", .value = 2000, .low = 0, .high = 1e7},
           {.name = "test", .help = "lists of the test", .value = 2000, .low = 0, .high = 1e7}},
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<ListOps>(spec); }};
}

}  // namespace eligo
