#include "runtime/experiment/curriculum.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "runtime/experiment/batch_source.h"
#include "support/error.h"

namespace eligo {
namespace {

class CurriculumSource final : public BatchSource {
 public:
  using Make = std::function<std::unique_ptr<BatchSource>(const TaskSpec&)>;

  CurriculumSource(TaskSpec spec, CurriculumSpec curriculum, Make make)
      : spec_(std::move(spec)), curriculum_(std::move(curriculum)), make_(std::move(make)) {
    first_ = spec_.numbers.at(curriculum_.option);
    if (first_ > curriculum_.to)
      throw Error(fmt::format("curriculum.to = {}, but {} begins with {}", curriculum_.to, curriculum_.option, first_));
    levels_ = static_cast<std::uint64_t>(std::ceil((curriculum_.to - first_) / curriculum_.by - 1e-9));
    set_level(levels_);
    const TaskShape last = now_->shape();
    set_level(0);
    shape_ = now_->shape();
    check(last, levels_);
    shape_.min_steps = std::min(shape_.min_steps, last.min_steps);
    shape_.max_steps = std::max(shape_.max_steps, last.max_steps);
  }

  TaskShape shape() const override { return shape_; }
  std::string score_name() const override { return now_->score_name(); }
  bool score_is_share() const override { return now_->score_is_share(); }
  std::string description() const override {
    return fmt::format("{}; {} rises to {}", now_->description(), curriculum_.option, curriculum_.to);
  }
  std::uint64_t bytes() const override { return now_->bytes(); }
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index, Session& session) override {
    return now_->batch(split, epoch, index, session);
  }
  Learned learn(std::uint64_t epoch, std::uint64_t index, Session& session, const std::string& where) override {
    return now_->learn(epoch, index, session, where);
  }
  Scores scores(const Batch& batch, const std::vector<double>& outputs) const override {
    return now_->scores(batch, outputs);
  }
  std::vector<Told> told() const override { return now_->told(); }

  std::uint64_t level() const override { return level_; }
  std::string level_name() const override {
    const auto told = now_->level_value();
    return told ? told->name : curriculum_.option;
  }
  std::optional<double> tried() const override {
    const auto told = now_->level_value();
    return told ? told->value : value(level_);
  }
  void set_level(std::uint64_t level) override {
    if (level > levels_)
      throw Error(fmt::format("level {} of a curriculum with {}: this checkpoint is damaged or another training's",
                              level, levels_));
    if (now_ && level == level_) return;
    TaskSpec spec = spec_;
    spec.numbers[curriculum_.option] = value(level);
    std::unique_ptr<BatchSource> next = make_(spec);
    if (shape_.inputs > 0) {  // known by now
      check(next->shape(), level);
      if (next->shape().max_steps > shape_.max_steps)
        throw Error(fmt::format("{} = {} makes longer sequences than {} and {}, for which there is room",
                                curriculum_.option, value(level), first_, curriculum_.to));
    }
    now_ = std::move(next);
    level_ = level;
  }
  bool passes(bool batch, double loss, const std::optional<double>& score) const override {
    return batch == curriculum_.each_batch &&
           ((curriculum_.loss_below && loss < *curriculum_.loss_below) ||
            (curriculum_.score_above && score && *score > *curriculum_.score_above) ||
            (curriculum_.score_below && score && *score < *curriculum_.score_below));
  }
  bool rise() override {
    if (level_ == levels_) return false;
    set_level(level_ + 1);
    return true;
  }

 private:
  double value(std::uint64_t level) const {
    return std::min(first_ + static_cast<double>(level) * curriculum_.by, curriculum_.to);
  }

  // The net and the counting of batches are the same at all levels.
  void check(const TaskShape& other, std::uint64_t level) const {
    const auto refuse = [&](const char* what, std::uint64_t at_first, std::uint64_t then) {
      if (at_first != then)
        throw Error(
            fmt::format("curriculum.option = \"{}\": with {} the task has {} {}, with {} it has {}, and a net cannot "
                        "change so; raise another option",
                        curriculum_.option, first_, at_first, what, value(level), then));
    };
    refuse("inputs", static_cast<std::uint64_t>(shape_.inputs), static_cast<std::uint64_t>(other.inputs));
    refuse("targets", static_cast<std::uint64_t>(shape_.targets), static_cast<std::uint64_t>(other.targets));
    refuse("batches an epoch", shape_.train_batches, other.train_batches);
    refuse("validation batches", shape_.validation_batches, other.validation_batches);
    refuse("test batches", shape_.test_batches, other.test_batches);
  }

  TaskSpec spec_;
  CurriculumSpec curriculum_;
  Make make_;
  double first_ = 0;
  std::uint64_t levels_ = 0, level_ = 0;  // raises there may be, and were
  TaskShape shape_{0, 0, 1, 0, 0, 0, 0};
  std::unique_ptr<BatchSource> now_;
};

}  // namespace

std::unique_ptr<BatchSource> with_curriculum(const TaskSpec& spec, const CurriculumSpec& curriculum,
                                             const std::function<std::unique_ptr<BatchSource>(const TaskSpec&)>& make) {
  return std::make_unique<CurriculumSource>(spec, curriculum, make);
}

}  // namespace eligo
