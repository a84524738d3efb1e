// The table of the settings that every experiment has, and the reader that checks them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "runtime/experiment/settings.h"

namespace eligo {

enum class FieldType { text, whole, real, texts, wholes };

struct Field {
  std::string path, help;
  FieldType type = FieldType::text;
  std::optional<Setting> value;             // the default; none: it must be given
  double low = 0, high = 0;               // of numbers and of the entries of a list, both included
  std::vector<std::string> choices = {};  // of texts; empty: any
  bool common = false;                    // the same for all variants
};
const std::vector<Field>& experiment_fields();
const Field* find_field(const std::string& path);

// Reads settings, fills in defaults, gathers everything that is wrong.
class FieldReader {
 public:
  // `file` names the experiment where a setting is missing.
  FieldReader(Settings& settings, std::string file) : settings_(settings), file_(std::move(file)) {}

  std::string text(const std::string& path);
  std::int64_t whole(const std::string& path);
  double real(const std::string& path);
  std::vector<std::int64_t> wholes(const std::string& path);
  std::vector<std::string> texts(const std::string& path);

  // Settings without a field: `what` is "rule bp_lambda: λ"; a whole number is a number too.
  std::optional<double> number(const std::string& path, const std::string& what, bool must_be_whole, double low,
                               double high);

  const Setting* find(const std::string& path) const;
  void problem(const Setting* where, const std::string& what);
  std::vector<std::string> problems;

 private:
  const Setting* take(const std::string& path, const char* expected, bool (*fits)(const Setting&));

  Settings& settings_;
  std::string file_;
};

// "; did you mean x?" by the nearest of the candidates in Greek or ASCII spelling, else "; there are a, b, c".
std::string suggestion(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace eligo
