#include "runtime/cli/gradcheck.h"

#include "support/terminal.h"

namespace eligo::cli {

int gradcheck(const ProgramSpec& spec, const GradcheckOptions& options) {
  const GradcheckReport report = eligo::gradcheck(spec, options);
  say(gradcheck_text(spec.rule, report, options));
  return report.good() ? 0 : 1;
}

}  // namespace eligo::cli
