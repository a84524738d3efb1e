#include "runtime/experiment/batch_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <tuple>

namespace eligo {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

class TaskSource final : public BatchSource {
 public:
  explicit TaskSource(std::unique_ptr<Task> task) : task_(std::move(task)) {}

  TaskShape shape() const override { return task_->shape(); }
  std::string score_name() const override { return task_->score_name(); }
  bool score_is_share() const override { return task_->score_is_share(); }
  std::string description() const override { return task_->description(); }
  std::uint64_t bytes() const override { return task_->bytes(); }
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index, Session&) override {
    return task_->batch(split, epoch, index);
  }
  Learned learn(std::uint64_t epoch, std::uint64_t index, Session& session, const std::string& where) override {
    Learned out{task_->batch(Split::train, epoch, index), {}, 0};
    check_finite(out.batch, where);
    const auto begin = Clock::now();
    out.result = session.train(out.batch);
    out.seconds = seconds_since(begin);
    return out;
  }
  Scores scores(const Batch& batch, const std::vector<double>& outputs) const override {
    return {task_->score(batch, outputs), std::nullopt, std::nullopt};
  }
  std::vector<Told> told() const override { return {}; }
  std::optional<LevelValue> level_value() const override { return task_->level(); }

 private:
  std::unique_ptr<Task> task_;
};

// An epoch is so many batches of as many episodes as a batch has examples; validations and tests are rounded up to
// whole batches, since the net always acts in all of its environments.
class EpisodeSource final : public BatchSource {
 public:
  EpisodeSource(const TaskSpec& spec, const PolicySpec& policy)
      : spec_(spec), policy_(policy), worlds_(make_environment(spec), static_cast<std::int64_t>(spec.batch)) {}

  TaskShape shape() const override {
    const EnvironmentShape& world = worlds_.shape();
    const auto batches = [&](std::uint64_t own, std::uint64_t asked) {
      const std::uint64_t episodes = own != 0 ? own : asked;
      return (episodes + spec_.batch - 1) / spec_.batch;
    };
    const std::uint64_t own = world.train_episodes == 0 ? kBatches : batches(world.train_episodes, 0);
    return {world.observations,
            world.actions + 1,
            1,
            world.max_steps * policy_.steps_per_action,
            spec_.batches_per_epoch != 0 ? spec_.batches_per_epoch : own,
            batches(world.validation_episodes, policy_.validation_episodes),
            batches(world.test_episodes, policy_.test_episodes)};
  }
  std::string score_name() const override { return "return"; }
  bool score_is_share() const override { return false; }
  std::string description() const override {
    const EnvironmentShape& world = worlds_.shape();
    return fmt::format("{} episode{} at a time, of at most {} step{}; {} observation{}, {} actions", worlds_.count(),
                       worlds_.count() == 1 ? "" : "s", world.max_steps, world.max_steps == 1 ? "" : "s", world.observations,
                       world.observations == 1 ? "" : "s", world.actions);
  }
  std::uint64_t bytes() const override { return 0; }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index, Session& session) override {
    episodes_ = act(session, worlds_, options(split, epoch, index));
    if (policy_.by_step) credit_by_step(episodes_, policy_.credit.normalise);
    else credit(episodes_, policy_.credit);
    return episodes_.batch;
  }

  Learned learn(std::uint64_t epoch, std::uint64_t index, Session& session, const std::string&) override {
    const auto begin = Clock::now();
    Learned out;
    if (policy_.by_step) {
      out.result =
          act_and_learn(session, worlds_, options(Split::train, epoch, index), policy_.credit.normalise, episodes_);
      out.batch = episodes_.batch;
    } else {
      out.batch = batch(Split::train, epoch, index, session);
      out.result = session.train(out.batch);
    }
    out.seconds = seconds_since(begin);
    return out;
  }

  Scores scores(const Batch&, const std::vector<double>&) const override {
    const auto count = static_cast<double>(episodes_.returns.size());
    const auto& lengths = episodes_.batch.lengths;
    const auto actions =
        std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}) / episodes_.steps_per_action;
    const auto successes = std::count(episodes_.successes.begin(), episodes_.successes.end(), true);
    return {{std::accumulate(episodes_.returns.begin(), episodes_.returns.end(), 0.0), count},
            Score{static_cast<double>(successes), count},
            Score{static_cast<double>(actions), count}};
  }

  std::vector<Told> told() const override {
    return {{"action", {episodes_.actions.begin(), episodes_.actions.end()}}, {"reward", episodes_.rewards}};
  }

 private:
  static constexpr std::uint64_t kBatches = 100;  // of an epoch, where nothing says how many

  ActOptions options(Split split, std::uint64_t epoch, std::uint64_t index) const {
    const std::uint64_t before = split == Split::train ? epoch * shape().train_batches : 0;
    return {.split = split,
            .first = (before + index) * spec_.batch,
            .seed = spec_.seed,
            .greedy = policy_.greedy && split != Split::train,
            .steps_per_action = policy_.steps_per_action};
  }

  TaskSpec spec_;
  PolicySpec policy_;
  Environments worlds_;
  Episodes episodes_;  // of the last batch
};

}  // namespace

ScoreForm score_form(const std::vector<const BatchSource*>& sources) {
  std::set<std::pair<std::string, bool>> scores;
  std::set<std::string> levels;
  for (const BatchSource* source : sources) {
    if (!source->score_name().empty()) scores.emplace(source->score_name(), source->score_is_share());
    if (!source->level_name().empty()) levels.insert(source->level_name());
  }
  ScoreForm form;
  if (scores.size() == 1) std::tie(form.name, form.is_share) = *scores.begin();
  else if (scores.size() > 1) form.name = "score";
  if (!levels.empty()) form.level = levels.size() == 1 ? *levels.begin() : "option";
  return form;
}

std::unique_ptr<BatchSource> source_of(std::unique_ptr<Task> task) {
  return std::make_unique<TaskSource>(std::move(task));
}

std::unique_ptr<BatchSource> make_source(const TaskSpec& spec, const std::optional<PolicySpec>& policy,
                                         const std::optional<CurriculumSpec>& curriculum) {
  if (curriculum)
    return with_curriculum(spec, *curriculum, [policy](const TaskSpec& one) { return make_source(one, policy); });
  if (find_environment(spec.name) == nullptr) return source_of(make_task(spec));
  return std::make_unique<EpisodeSource>(spec, policy.value_or(PolicySpec{}));
}

}  // namespace eligo
