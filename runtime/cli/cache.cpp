#include "runtime/library/cache.h"

#include <fmt/core.h>

#include "runtime/cli/verbs.h"

namespace eligo::cli {

int cache(bool clear) {
  const Cache kept(cache_folder(""));
  if (!kept.used()) {
    fmt::print("compiled programs are not kept: $ELIGO_CACHE is \"none\", or there is no home\n");
    return 0;
  }
  if (const std::string fault = kept.fault(); !fault.empty()) {
    fmt::print("{}: not used, since {}; compiled programs are kept only where nobody else can write\n", kept.folder(),
               fault);
    return 0;
  }
  const Cache::Size size = clear ? kept.clear() : kept.size();
  fmt::print("{}: {} compiled programs, {:.1f} MiB{}\n", kept.folder(), size.entries,
             static_cast<double>(size.bytes) / (1 << 20), clear ? ", removed" : "");
  return 0;
}

}  // namespace eligo::cli
