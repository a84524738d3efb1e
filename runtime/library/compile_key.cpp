#include "runtime/library/compile_key.h"

#include "compiler/ir/archive.h"
#include "dsl/names.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"
#include "support/available.h"
#include "support/error.h"
#include "support/text_file.h"

namespace eligo {
namespace {

// An item by its name, and the whole text of its file.
void add_part(compiler::ArchiveWriter& key, const std::string& name, const char* kind, PartSearch& search) {
  if (name.empty()) return key(std::string(kind));
  const Found found = search.find(name, kind);
  key(std::string(kind), dsl::canonical(found.item), read_file(found.path));
}

}  // namespace

std::string program_key(const ProgramSpec& spec, const std::string& code_version,
                        std::span<const compiler::Fingerprint> sources) {
  // A new field does not compile until its part in the key is decided.
  const auto& [rule, cell, readout, synth, sizes, header, optimiser, update, float64, interpreter, cpu, schedule,
               online, show, rule_paths, cache, batch_hint, steps_hint, memory, starts, valid, outputs] = spec;
  compiler::ArchiveWriter key;
  for (const compiler::Fingerprint& each : sources) key(std::string(each.folder), std::string(each.digest));
  key(code_version);
  PartSearch search(rule_paths);
  try {
    add_part(key, rule, "rule", search);
    add_part(key, cell, "cell", search);
    add_part(key, readout, "readout", search);
    add_part(key, optimiser, "optimiser", search);
    const SynthRoles synths = read_synth_roles(synth);
    add_part(key, synths.all, "synth", search);
    for (const auto& [role, part] : synths.named) {
      key(role);
      add_part(key, part, "synth", search);
    }
  } catch (const Error&) {
    return "";
  }
  std::map<std::string, std::int64_t> sized, given;  // by canonical names, as they are instantiated
  for (const auto& [name, value] : sizes) sized[dsl::canonical(name)] = value;
  for (const auto& [name, value] : header) given[dsl::canonical(name)] = value;
  key(sized, given, update, float64, schedule, online.value_or(update == Update::step), show, batch_hint, steps_hint,
      memory != 0 ? memory : machine_memory(), starts, valid, outputs);  // schedules are chosen by what fits
  return std::move(key.bytes);
}

}  // namespace eligo
