#include "runtime/tasks/arrays.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "runtime/tasks/epoch_order.h"
#include "runtime/tasks/pieces.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

struct Files {
  Sequences train;
  std::unique_ptr<Sequences> validation, test;  // where they have files of their own

  std::uint64_t bytes() const {
    return train.bytes() + (validation ? validation->bytes() : 0) + (test ? test->bytes() : 0);
  }
};

SequenceFile file_of(const TaskSpec& spec, const std::string& path) {
  const auto text = [&](const char* name) { return spec.texts.at(name); };
  return {path,
          text("x"),
          text("y"),
          text("mask"),
          text("lengths"),
          text("targets"),
          text("rows"),
          text("sequence"),
          text("step"),
          static_cast<std::int64_t>(spec.numbers.at("channels"))};
}

std::shared_ptr<const Files> read_files(const TaskSpec& spec) {
  if (spec.texts.at("data").empty())
    throw Error("task.data is missing: it names the file of the sequences (.npz, .npy, .csv, .ts or IDX)");
  const auto files = std::make_shared<Files>();
  files->train = read_sequences(file_of(spec, spec.texts.at("data")));
  const auto own = [&](const char* option) -> std::unique_ptr<Sequences> {
    const std::string path = spec.texts.at(option);
    if (path.empty()) return nullptr;
    return std::make_unique<Sequences>(read_sequences(file_of(spec, path), &files->train));
  };
  files->validation = own("validation_data");
  files->test = own("test_data");
  return files;
}

// Files are read once, kept, and shared by all tasks of a process that ask for the same.
std::shared_ptr<const Files> load(const TaskSpec& spec) {
  static std::map<std::string, std::shared_ptr<const Files>> loaded;
  std::string key = fmt::format("{}", spec.numbers.at("channels"));
  for (const auto& [name, value] : spec.texts) key += fmt::format("\n{}={}", name, value);
  auto& slot = loaded[key];
  if (!slot) slot = read_files(spec);
  return slot;
}

class Arrays final : public Task {
 public:
  explicit Arrays(const TaskSpec& spec) : files_(load(spec)), batch_(spec.batch), seed_(spec.seed) {
    cut_ = static_cast<std::int64_t>(spec.numbers.at("cut"));
    if (cut_ != 0 && !files_->train.y.each_step)
      throw Error(fmt::format("task.cut = {}: the targets of {} are at the last step, which only one piece would have",
                              cut_, files_->train.path));
    shuffled_ = spec.numbers.at("shuffle") != 0;
    threshold_ = spec.numbers.at("threshold");
    deal(spec);
    if (!spec.other_test.empty()) take_other_test(spec);
    scaling_ = scaling_of(spec.texts.at("normalise"), train_);
    if (files_->train.kind == TargetKind::real) means_ = target_means(train_);
    order_ = EpochOrder(seed_, "arrays order", train_.size());
    train_batches_ = batches(train_.size());
    if (spec.batches_per_epoch != 0) train_batches_ = std::min(train_batches_, spec.batches_per_epoch);
  }

  TaskShape shape() const override {
    std::int64_t least = train_[0].steps, most = least;
    for (const auto* pieces : {&train_, &validation_, &test_})
      for (const Piece& piece : *pieces) {
        least = std::min(least, piece.steps);
        most = std::max(most, piece.steps);
      }
    return {files_->train.x.channels,    files_->train.targets(), least, most, train_batches_,
            batches(validation_.size()), batches(test_.size())};
  }

  std::uint64_t bytes() const override {
    return files_->bytes() + (train_.size() + validation_.size() + test_.size()) * sizeof(Piece) + train_.size() * 8;
  }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const auto& pieces = split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
    const auto begin = std::min<std::uint64_t>(index * batch_, pieces.size());
    const auto end = std::min<std::uint64_t>(begin + batch_, pieces.size());
    if (split != Split::train || !shuffled_) return batch_of(pieces.data() + begin, end - begin, scaling_);
    std::vector<Piece> chosen;
    for (auto i = begin; i < end; ++i) chosen.push_back(pieces[order_.of(epoch)[i]]);
    return batch_of(chosen.data(), chosen.size(), scaling_);
  }

  std::string score_name() const override { return files_->train.kind == TargetKind::real ? "R²" : "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    const std::int64_t targets = files_->train.targets();
    if (outputs.size() != batch.y.size()) return {};  // a readout that puts out something else
    if (files_->train.kind == TargetKind::label) return count_correct(batch, outputs, targets);
    return files_->train.kind == TargetKind::binary ? count_bits(batch, outputs) : explained(batch, outputs);
  }

  std::string description() const override {
    const Sequences& data = files_->train;
    const TaskShape s = shape();
    const std::string steps =
        s.min_steps == s.max_steps ? fmt::format("{}", s.max_steps) : fmt::format("{} to {}", s.min_steps, s.max_steps);
    const char* kind = data.kind == TargetKind::label    ? "classes"
                       : data.kind == TargetKind::binary ? "bits"
                                                         : "targets";
    return fmt::format(
        "{}: {} steps of {} inputs, {} {} {}; {} sequences for training, {} for validation, {} for the test", data.path,
        steps, s.inputs, s.targets, kind, data.y.each_step ? "at every step" : "at the last", train_.size(),
        validation_.size(), test_.size());
  }

 private:
  std::uint64_t batches(std::uint64_t pieces) const { return (pieces + batch_ - 1) / batch_; }

  // The same division whatever the seed of a training: its spread then shows the training's chance alone.
  void deal(const TaskSpec& spec) {
    const Sequences& data = files_->train;
    const auto split_seed = static_cast<std::uint64_t>(spec.numbers.at("split_seed"));
    const auto dealt = permutation(make_key(split_seed, "arrays split"), data.lengths.size());
    std::size_t next = 0;
    const auto take = [&](const char* fraction, const std::unique_ptr<Sequences>& own) {
      if (own) return all_pieces(*own);
      const auto count = std::min(
          dealt.size() - next,
          static_cast<std::size_t>(std::ceil(spec.numbers.at(fraction) * static_cast<double>(dealt.size()) - 1e-9)));
      std::vector<std::uint64_t> part(dealt.begin() + static_cast<std::ptrdiff_t>(next),
                                      dealt.begin() + static_cast<std::ptrdiff_t>(next + count));
      std::sort(part.begin(), part.end());
      next += count;
      return pieces_of(data, part, cut_);
    };
    test_ = take("test", files_->test);
    validation_ = take("validation", files_->validation);
    std::vector<std::uint64_t> rest(dealt.begin() + static_cast<std::ptrdiff_t>(next), dealt.end());
    const auto most = static_cast<std::size_t>(spec.numbers.at("subset"));
    if (most != 0 && rest.size() > most) rest.resize(most);
    std::sort(rest.begin(), rest.end());
    train_ = pieces_of(data, rest, cut_);
    if (train_.empty())
      throw Error(
          fmt::format("{}: {} sequences leave none for training; lower task.validation or task.test, or name files "
                      "for them (task.validation_data, task.test_data)",
                      data.path, data.lengths.size()));
  }

  void take_other_test(const TaskSpec& spec) {
    SequenceFile file = file_of(spec, spec.other_test);
    file.targets_needed = false;
    other_ = std::make_unique<Sequences>(read_sequences(file, &files_->train));
    test_ = all_pieces(*other_);
  }

  std::vector<Piece> all_pieces(const Sequences& data) const {
    std::vector<std::uint64_t> all(data.lengths.size());
    std::iota(all.begin(), all.end(), std::uint64_t{0});
    return pieces_of(data, all, cut_);
  }

  // Calls visit(target, output, channel) for each target that counts.
  template <class Visit>
  void for_each_target(const Batch& batch, const std::vector<double>& outputs, const Visit& visit) const {
    const std::size_t rows = batch.loss_mask.size(), channels = batch.y.size() / std::max<std::size_t>(1, rows);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = 0; batch.loss_mask[row] != 0 && c < channels; ++c)
        visit(batch.y[row * channels + c], outputs[row * channels + c], c);
  }

  Score count_bits(const Batch& batch, const std::vector<double>& outputs) const {
    Score score;
    for_each_target(batch, outputs, [&](double target, double output, std::size_t) {
      score.sum += (output > threshold_) == (target != 0) ? 1 : 0;
      score.count += 1;
    });
    return score;
  }

  // R² = 1 - Σ(y - o)² / Σ(y - ȳ)², ȳ the training set's mean: a sum over a weight that is not a count.
  Score explained(const Batch& batch, const std::vector<double>& outputs) const {
    Score score;
    for_each_target(batch, outputs, [&](double target, double output, std::size_t c) {
      const double off = target - means_[c];
      score.sum += off * off - (target - output) * (target - output);
      score.count += off * off;
    });
    return score;
  }

  std::shared_ptr<const Files> files_;
  std::unique_ptr<Sequences> other_;  // TaskSpec::other_test
  std::uint64_t batch_, seed_, train_batches_ = 0;
  std::int64_t cut_ = 0;
  bool shuffled_ = true;
  double threshold_ = 0;
  std::vector<Piece> train_, validation_, test_;
  Scaling scaling_;
  std::vector<double> means_;
  mutable EpochOrder order_{0, "", 0};
};

TaskOption text(std::string name, std::string help, std::string otherwise) {
  return {.name = std::move(name), .help = std::move(help), .text = true, .text_value = std::move(otherwise)};
}
TaskOption file(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help), .text = true, .file = true};
}
TaskOption whole(std::string name, std::string help, double otherwise, double low, double high) {
  return {.name = std::move(name), .help = std::move(help), .value = otherwise, .low = low, .high = high};
}
TaskOption real(std::string name, std::string help, double otherwise, double low, double high) {
  return {
      .name = std::move(name), .help = std::move(help), .whole = false, .value = otherwise, .low = low, .high = high};
}

}  // namespace

TaskKind arrays_kind() {
  return {
      "arrays",
      "your own sequences, from .npz, .npy, .csv, .ts or IDX files (docs/data.md)",
      {file("data", "file of the sequences"),
       file("validation_data", "file of those for validation; empty: a part of the others"),
       file("test_data", "file of those for the test; empty: a part of the others"),
       text("x", "key, columns or file of the inputs", "x"),
       text("y", "of the targets", "y"),
       text("mask", "of the steps' weights in the loss, if there are any", "mask"),
       text("lengths", "of the sequences' lengths, if they differ", "lengths"),
       text("targets", "auto, real, binary or label", "auto"),
       text("rows", "of a table: a line is one of the \"steps\" or of the \"sequences\"", "steps"),
       text("sequence", "column that tells the sequences of a table apart", "sequence"),
       text("step", "column of a table that ascends within a sequence", "step"),
       whole("channels", "inputs of a step, of a table with a sequence a line", 1, 1, 1e6),
       text("normalise", "inputs by the training set: none, standard (mean 0, deviation 1) or range (0 to 1)", "none"),
       real("validation", "part kept for validation", 0.1, 0, 0.9),
       real("test", "part kept for the test", 0.2, 0, 0.9),
       whole("split_seed", "which sequences these are", 0, 0, 9e15),
       whole("subset", "most sequences to train on; 0: all", 0, 0, 9e15),
       whole("shuffle", "1: in another order each epoch; 0: as in the file", 1, 0, 1),
       whole("cut", "longer sequences become pieces of so many steps; 0: they stay whole", 0, 0, 1e9),
       real("threshold", "outputs above it are a 1, of binary targets: 0 for log-odds", 0, -1e300, 1e300)},
      [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<Arrays>(spec); },
      true};
}

}  // namespace eligo
