// Settings by dotted path ("rule.λ"), each with the place where it was given. The flat form of a TOML file or of the
// command line; what they mean is experiment.h's matter.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace eligo {

struct Setting {
  std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string>>
      data;
  std::string place;  // "file.toml:12" or "command line"

  // "the text \"abc\"", for messages.
  std::string described() const;
  // As TOML: 0.5, "abc", [1, 2].
  std::string text() const;
  // The entries of a list, each as a value of its own; nullopt if this is none.
  std::optional<std::vector<Setting>> entries() const;
  bool operator==(const Setting& other) const { return data == other.data; }
};

// Keys are canonical: Greek letters, not their names.
using Settings = std::map<std::string, Setting>;

struct SettingsFile {
  Settings base;
  std::vector<Settings> compare;  // one for each entry of the array `compare`
  Settings sweep;                 // the table `sweep`, paths without it: "samples", "optimiser.α.from"
  Settings quick;                 // the table `quick`: what replaces the others in the experiment's quick form
};

// A text for a section (`rule = "bptt"`) is the section's name (`rule.name`) for these.
extern const std::vector<std::string> kNamedSections;

// Throws eligo::Error with file and line: not TOML, or a value that no setting has (dates, nested lists).
SettingsFile read_settings(const std::string& path);
SettingsFile parse_settings(const std::string& text, const std::string& path);

// The place of what the command line gives.
inline constexpr const char* kCommandLine = "command line";

// "rule.lambda=0.5", "rule=bptt", "seeds=[0, 1]". Anything that is no TOML value is a text.
std::pair<std::string, Setting> parse_override(const std::string& text);

// As TOML, sections together, ASCII names; read_settings gives the same settings back.
std::string print_settings(const SettingsFile& settings);

}  // namespace eligo
