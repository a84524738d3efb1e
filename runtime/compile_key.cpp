#include "runtime/compile_key.h"

#include <fstream>
#include <iterator>

#include "compiler/archive.h"
#include "compiler/fingerprint.h"
#include "dsl/names.h"
#include "runtime/library.h"
#include "runtime/synth_roles.h"

namespace eligo {
namespace {

// An item by its name, and the whole text of its file.
void add_part(compiler::ArchiveWriter& key, const std::string& name, const char* kind, const ProgramSpec& spec) {
  if (name.empty()) return key(std::string(kind));
  const Found found = find_part(name, kind, spec.rule_paths);
  std::ifstream in(found.path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) throw Error(found.path + " cannot be read");
  key(std::string(kind), dsl::canonical(found.item), text);
}

}  // namespace

std::string program_key(const ProgramSpec& spec, const std::string& code_version) {
  // A new field does not compile until its part in the key is decided.
  const auto& [rule, cell, readout, synth, sizes, header, optimiser, update, float64, interpreter, cpu, schedule, show,
               rule_paths, cache, batch_hint] = spec;
  compiler::ArchiveWriter key;
  key(std::string(compiler::fingerprint), code_version);
  try {
    add_part(key, rule, "rule", spec);
    add_part(key, cell, "cell", spec);
    add_part(key, readout, "readout", spec);
    add_part(key, optimiser, "optimiser", spec);
    const SynthRoles synths = read_synth_roles(synth);
    add_part(key, synths.all, "synth", spec);
    for (const auto& [role, part] : synths.named) {
      key(role);
      add_part(key, part, "synth", spec);
    }
  } catch (const Error&) {
    return "";
  }
  std::map<std::string, std::int64_t> sized, given;  // by canonical names, as they are instantiated
  for (const auto& [name, value] : sizes) sized[dsl::canonical(name)] = value;
  for (const auto& [name, value] : header) given[dsl::canonical(name)] = value;
  key(sized, given, update, float64, schedule, show, batch_hint);
  return std::move(key.bytes);
}

}  // namespace eligo
