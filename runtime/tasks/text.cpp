#include "runtime/tasks/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "runtime/tasks/epoch_order.h"
#include "support/error.h"
#include "support/random.h"
#include "support/text_file.h"

namespace eligo {
namespace {

struct Characters {
  std::vector<std::uint32_t> text;      // places in the alphabet
  std::vector<std::uint32_t> alphabet;  // code points, ascending
  std::string origin;
};

// The code point that begins at byte `at`, which moves behind it. Throws for what is no UTF-8.
std::uint32_t next_code(const std::string& bytes, std::size_t& at, const std::string& path, std::uint64_t line) {
  const auto fail = [&] {
    throw Error(fmt::format("{}:{}: byte {} is no UTF-8; convert the file (iconv -t UTF-8)", path, line, at));
  };
  const auto first = static_cast<unsigned char>(bytes[at]);
  const int more = first < 0x80                    ? 0
                   : first >= 0xC2 && first < 0xE0 ? 1
                   : first >= 0xE0 && first < 0xF0 ? 2
                   : first >= 0xF0 && first < 0xF5 ? 3
                                                   : -1;
  if (more < 0 || at + static_cast<std::size_t>(more) >= bytes.size()) fail();
  std::uint32_t code = more == 0 ? first : first & (0x3FU >> more);
  for (int i = 1; i <= more; ++i) {
    const auto next = static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    if ((next & 0xC0) != 0x80) fail();
    code = code << 6 | (next & 0x3FU);
  }
  at += static_cast<std::size_t>(more) + 1;
  return code;
}

Characters characters_of(const std::string& bytes, const std::string& origin) {
  std::vector<std::uint32_t> codes;
  std::uint64_t line = 1;
  for (std::size_t at = bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0; at < bytes.size();) {
    codes.push_back(next_code(bytes, at, origin, line));
    if (codes.back() == '\n') ++line;
  }
  Characters out;
  out.origin = origin;
  out.alphabet = codes;
  std::sort(out.alphabet.begin(), out.alphabet.end());
  out.alphabet.erase(std::unique(out.alphabet.begin(), out.alphabet.end()), out.alphabet.end());
  for (const std::uint32_t code : codes)
    out.text.push_back(static_cast<std::uint32_t>(std::lower_bound(out.alphabet.begin(), out.alphabet.end(), code) -
                                                  out.alphabet.begin()));
  return out;
}

// Short sentences in which the verb agrees with a subject some words before it.
std::string written_text(std::uint64_t characters) {
  constexpr const char* subjects[] = {"cell", "neuron", "network", "synapse", "trace", "gradient"};
  constexpr const char* places[] = {"", " in the cortex", " near the root", " of the third layer", " that fires"};
  constexpr const char* verbs[] = {"grow", "learn", "decay", "settle", "spread"};
  const Key key = make_key(0, "text written by the program");
  std::string out;
  for (std::uint64_t i = 0; out.size() < characters; i += 4) {
    const bool many = integer(key, i, 2) != 0;
    const auto place = integer(key, i + 2, 5);
    out +=
        fmt::format("{} {}{}{} {}{}. ", many ? "the" : "a", subjects[integer(key, i + 1, 6)], many ? "s" : "",
                    place == 4 && many ? " that fire" : places[place], verbs[integer(key, i + 3, 5)], many ? "" : "s");
  }
  out.resize(characters);
  return out;
}

std::shared_ptr<const Characters> load(const std::string& path) {
  static std::map<std::string, std::shared_ptr<const Characters>> loaded;
  auto& slot = loaded[path];
  if (slot) return slot;
  constexpr std::uint64_t characters = 100000;
  slot = std::make_shared<const Characters>(
      path.empty() ? characters_of(written_text(characters), "sentences written by the program (no task.data)")
                   : characters_of(read_file(path), path));
  return slot;
}

class Text final : public Task {
 public:
  explicit Text(const TaskSpec& spec)
      : data_(load(spec.texts.at("data"))),
        steps_(static_cast<std::uint64_t>(spec.numbers.at("steps"))),
        batch_(spec.batch),
        seed_(spec.seed),
        bits_(spec.texts.at("score") == "bits") {
    if (!bits_ && spec.texts.at("score") != "accuracy")
      throw Error(fmt::format("task.score = {}: expected accuracy or bits", spec.texts.at("score")));
    const std::uint64_t pieces = data_->text.size() < 2 ? 0 : (data_->text.size() - 1) / steps_;
    const auto part = [&](const char* name) {
      return static_cast<std::uint64_t>(std::ceil(spec.numbers.at(name) * static_cast<double>(pieces) - 1e-9));
    };
    test_ = part("test");
    validation_ = part("validation");
    if (test_ + validation_ >= pieces || validation_ == 0)
      throw Error(
          fmt::format("{}: {} characters are {} pieces of {}, which leaves none for training or validation; lower "
                      "task.steps",
                      data_->origin, data_->text.size(), pieces, steps_));
    train_ = pieces - test_ - validation_;
    order_ = EpochOrder(seed_, "text order", train_);
    train_batches_ = batches(train_);
    if (spec.batches_per_epoch != 0) train_batches_ = std::min(train_batches_, spec.batches_per_epoch);
  }

  TaskShape shape() const override {
    const auto letters = static_cast<std::int64_t>(data_->alphabet.size()), steps = static_cast<std::int64_t>(steps_);
    return {letters, letters, steps, steps, train_batches_, batches(validation_), batches(test_)};
  }

  std::uint64_t bytes() const override { return data_->text.size() * 4 + train_ * 8; }

  // Training comes first in the text, then validation, then the test: none is beside what it is held against.
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const std::uint64_t count = split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
    const std::uint64_t base = split == Split::train ? 0 : split == Split::validation ? train_ : train_ + validation_;
    std::vector<std::uint64_t> pieces;
    for (std::uint64_t i = index * batch_; i < std::min(count, (index + 1) * batch_); ++i)
      pieces.push_back(split == Split::train ? order_.of(epoch)[i] : base + i);
    return make_batch(pieces);
  }

  std::string score_name() const override { return bits_ ? "bits" : "accuracy"; }
  bool score_is_share() const override { return !bits_; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    if (outputs.size() != batch.y.size()) return {};  // a readout that puts out something else
    return bits_ ? count_bits(batch, outputs) : count_correct(batch, outputs, shape().targets);
  }

  std::string description() const override {
    return fmt::format(
        "{}: {} characters of {} kinds in pieces of {}; {} for training, {} for validation, {} for the test",
        data_->origin, data_->text.size(), data_->alphabet.size(), steps_, train_, validation_, test_);
  }

 private:
  std::uint64_t batches(std::uint64_t pieces) const { return (pieces + batch_ - 1) / batch_; }

  Batch make_batch(const std::vector<std::uint64_t>& pieces) const {
    Batch batch;
    batch.steps = static_cast<std::int64_t>(steps_);
    batch.examples = static_cast<std::int64_t>(pieces.size());
    const std::size_t letters = data_->alphabet.size(), rows = steps_ * pieces.size();
    batch.x.assign(rows * letters, 0);
    batch.y.assign(rows * letters, 0);
    for (std::size_t b = 0; b < pieces.size(); ++b)
      for (std::uint64_t t = 0; t < steps_; ++t) {
        const std::size_t row = (t * pieces.size() + b) * letters;
        batch.x[row + data_->text[pieces[b] * steps_ + t]] = 1;
        batch.y[row + data_->text[pieces[b] * steps_ + t + 1]] = 1;
      }
    return batch;
  }

  // -log2 of the probability of the character that came, the outputs being the log-odds of a softmax.
  static Score count_bits(const Batch& batch, const std::vector<double>& outputs) {
    Score score;
    const std::size_t rows = static_cast<std::size_t>(batch.steps * batch.examples), letters = batch.y.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto begin = outputs.begin() + static_cast<std::ptrdiff_t>(row * letters);
      const double most = *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(letters));
      double sum = 0, wanted = 0;
      for (std::size_t c = 0; c < letters; ++c) {
        sum += std::exp(outputs[row * letters + c] - most);
        wanted += batch.y[row * letters + c] * outputs[row * letters + c];
      }
      score.sum += (std::log(sum) + most - wanted) / std::numbers::ln2;
      score.count += 1;
    }
    return score;
  }

  std::shared_ptr<const Characters> data_;
  std::uint64_t steps_, batch_, seed_, train_ = 0, validation_ = 0, test_ = 0, train_batches_ = 0;
  bool bits_;
  mutable EpochOrder order_{0, "", 0};
};

}  // namespace

TaskKind text_kind() {
  return {
      "text",
      "the characters of a text, the next one wanted at every step",
      {{.name = "data", .help = "a UTF-8 file; empty: sentences written by the program", .text = true, .file = true},
       {.name = "steps", .help = "characters of a sequence", .value = 100, .low = 1, .high = 1e6},
       {.name = "validation", .help = "part kept for validation", .whole = false, .value = 0.05, .low = 0, .high = 0.9},
       {.name = "test", .help = "part kept for the test", .whole = false, .value = 0.05, .low = 0, .high = 0.9},
       {.name = "score",
        .help = "accuracy, or bits a character (of log-odds, as linear_softmax puts them out)",
        .text = true,
        .text_value = "bits"}},
      [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<Text>(spec); }};
}

}  // namespace eligo
