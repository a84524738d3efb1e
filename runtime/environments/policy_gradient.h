// Policy gradients (REINFORCE, Williams 1992): a session with the readout `policy` acts in environments, and its
// episodes become a batch to learn from.
//
//   eligo::Session session(program, {.batch = 16, .steps = worlds.shape().max_steps});   // with ProgramSpec::outputs
//   for (std::uint64_t i = 0; i < 1000; ++i) {
//     eligo::Episodes episodes = eligo::act(session, worlds, {.first = 16 * i});
//     eligo::credit(episodes, {.discount = 0.99});
//     session.run(episodes.batch);
//   }
//
// The loss of a step is A (-log π(a)) - entropy H(π), where the advantage A is the discounted return from this step on,
// less the mean over all steps of the batch and divided by their standard deviation.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/environments/environment.h"

namespace eligo {

struct ActOptions {
  Split split = Split::train;
  std::uint64_t first = 0;  // number of the first episode; the others follow
  std::uint64_t seed = 0;   // of the environments' draws and of the actions'
  bool greedy = false;      // the likeliest action in place of one that is drawn
  // Of the net, which sees the same in all of them and acts at the last: 5 for 5 layers, where its steps are layers.
  std::int64_t steps_per_action = 1;
};

struct CreditOptions {
  double discount = 1;           // of a reward one step later
  bool normalise = true;         // advantages of a batch: mean 0, standard deviation 1
  bool mean_over_steps = false;  // the loss is a mean over a batch's actions, not summed over those of an episode

  bool operator==(const CreditOptions&) const = default;
};

// One episode in each environment.
struct Episodes {
  Batch batch;  // x: what was seen; y, [T][B][actions + 1]: the action, one-hot, and its advantage; lengths
  std::vector<std::int64_t> actions;  // [T][B]
  std::vector<double> rewards;        // [T][B]; 0 behind an episode's end
  std::vector<double> returns;        // [B], the sum of the rewards
  std::vector<bool> successes;        // [B]
  // Of the net, so steps and lengths are multiples of it; actions and rewards are at the last of each, 0 at the others.
  std::int64_t steps_per_action = 1;
};

// Acts without learning. The draws of the net are those of the session's next sequence, so that learning from the batch
// runs the same net. Outputs that are not finite make action 0: what is learned from it says where they come from.
// Throws eligo::Error if the session has not one output for each action, or another batch than there are environments.
Episodes act(Session& session, Environments& worlds, const ActOptions& options);

// Fills in the advantages, and the loss mask where `mean_over_steps`, or where there are steps without an action.
void credit(Episodes& episodes, const CreditOptions& options);

// The advantages that `act_and_learn` gives: the reward of the step alone, normalised over the environments that act.
void credit_by_step(Episodes& episodes, bool normalise);

// The same step by step, for rules that learn online: the advantage of an action is the reward of its step alone (less
// the mean over the environments that act, divided by the standard deviation, with `normalise`), as later ones are not
// known. `episodes` is what was done. Discounts and `mean_over_steps` have no meaning here.
RunResult act_and_learn(Session& session, Environments& worlds, const ActOptions& options, bool normalise,
                        Episodes& episodes);

}  // namespace eligo
