#include "runtime/library/checked_file.h"

#include <map>
#include <mutex>

namespace eligo {
namespace {

std::shared_ptr<const CheckedFile> check(dsl::SourcePtr source, dsl::Diagnostics diagnostics) {
  auto out = std::make_shared<CheckedFile>();
  out->diagnostics = std::move(diagnostics);
  if (out->diagnostics.empty()) out->parsed = dsl::parse_source(source, out->diagnostics);
  else out->parsed.source = std::move(source);
  out->well_formed = out->diagnostics.empty();
  if (out->well_formed) out->items = dsl::check(out->parsed, out->diagnostics);
  return out;
}

}  // namespace

std::shared_ptr<const CheckedFile> checked_file(const std::string& path) {
  constexpr std::size_t most = 500;  // files; a library has a tenth of that
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const CheckedFile>> known;
  dsl::Diagnostics diagnostics;
  dsl::SourcePtr source = dsl::read_source(path, diagnostics);
  if (diagnostics.empty()) {
    const std::lock_guard lock(mutex);
    const auto found = known.find(path);
    if (found != known.end() && found->second->parsed.source->text == source->text) return found->second;
  }
  const bool readable = diagnostics.empty();
  auto checked = check(std::move(source), std::move(diagnostics));
  if (!readable) return checked;
  const std::lock_guard lock(mutex);
  if (known.size() >= most) known.clear();
  known[path] = checked;
  return checked;
}

}  // namespace eligo
