#include <fmt/format.h>

#include "runtime/cli/verbs.h"
#include "runtime/experiment/prediction.h"
#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {

int predict(const PredictArguments& a) {
  PredictOptions options;
  options.run = a.run;
  options.data = a.data;
  options.out = a.out;
  options.variant = a.variant;
  if (a.seed >= 0) options.seed = static_cast<std::uint64_t>(a.seed);
  options.checkpoint = a.checkpoint;
  options.split = read_split(a.split);
  options.show = a.show;
  const Prediction made = eligo::predict(options);
  say(fmt::format("{}\n{} sequences, with the parameters of epoch {}\n", made.task, made.sequences, made.epoch));
  if (made.judged) say(fmt::format("loss {}\n", made.loss));
  if (made.score)
    say(made.score_is_share ? fmt::format("{} {:.6g} %\n", made.score_name, 100 * *made.score)
                            : fmt::format("{} {}\n", made.score_name, *made.score));
  say(fmt::format("{}: {}\n", a.out, fmt::join(made.arrays, ", ")));
  return 0;
}

}  // namespace eligo::cli
