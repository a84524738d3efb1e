#include <fmt/format.h>

#include "runtime/cli/verbs.h"
#include "support/targets.h"
#include "support/terminal.h"

namespace eligo::cli {

int predict(const PredictOptions& options) {
  check_targets({options.out}, {options.data});
  const Prediction made = eligo::predict(options);
  say(fmt::format("{}\n{} sequences, with the parameters of epoch {}\n", made.task, made.sequences, made.epoch));
  if (made.judged) say(fmt::format("loss {}\n", made.loss));
  if (made.score)
    say(made.score_is_share ? fmt::format("{} {:.6g} %\n", made.score_name, 100 * *made.score)
                            : fmt::format("{} {}\n", made.score_name, *made.score));
  say(fmt::format("{}: {}\n", options.out, fmt::join(made.arrays, ", ")));
  return 0;
}

}  // namespace eligo::cli
