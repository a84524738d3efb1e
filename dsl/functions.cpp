#include "dsl/functions.h"

#include <algorithm>
#include <iterator>

#include "compiler/operations/operation.h"

namespace eligo::dsl {
namespace {

// Those that are more than an operation at every place: they read several places, time or structure, or reduce as well.
constexpr Function of_the_language[] = {
    {"stop", FunctionId::stop, FunctionKind::pointwise, 1, 1},
    {"sum", FunctionId::sum, FunctionKind::reduce, 1, 1},
    {"mean", FunctionId::mean, FunctionKind::reduce, 1, 1},
    {"logsumexp", FunctionId::logsumexp, FunctionKind::reduce, 1, 1},
    {"norm2", FunctionId::norm2, FunctionKind::reduce, 1, 1},
    {"max", FunctionId::max, FunctionKind::extremum, 1, 2},
    {"min", FunctionId::min, FunctionKind::extremum, 1, 2},
    {"softmax", FunctionId::softmax, FunctionKind::normalise, 1, 1},
    {"unit", FunctionId::unit, FunctionKind::normalise, 1, 1},
    {"nonzero", FunctionId::nonzero, FunctionKind::pointwise, 1, 1},
    {"reach", FunctionId::reach, FunctionKind::reach, 3, 3},
    {"inner", FunctionId::inner, FunctionKind::inner, 2, 2},
    {"var", FunctionId::var, FunctionKind::statistic, 1, 1},
    {"cov", FunctionId::cov, FunctionKind::statistic, 2, 2},
    {"normal", FunctionId::normal, FunctionKind::noise, 0, 0},
    {"uniform", FunctionId::uniform, FunctionKind::noise, 0, 0},
    {"random_sign", FunctionId::random_sign, FunctionKind::noise, 0, 0},
};

constexpr std::string_view reserved_words[] = {"t", "T", "start", "end", "last", "all", "count"};

constexpr Distribution distributions[] = {{"uniform", 2}, {"normal", 2}, {"orthogonal", 1}, {"sample", 1}};

template <class Table>
auto find_in(const Table& table, std::string_view name) -> decltype(&table[0]) {
  for (const auto& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> out;
  for (const auto& entry : table) out.emplace_back(entry.name);
  return out;
}

// All functions: the operations that have one, then the others.
std::vector<Function> all_functions() {
  std::vector<Function> out, others(std::begin(of_the_language), std::end(of_the_language));
  for (int i = 0; i < compiler::op_count; ++i) {
    const compiler::Operation& row = compiler::operation(static_cast<compiler::Op>(i));
    if (row.spelling.form != compiler::Spelling::Form::function) continue;
    const auto arguments = static_cast<std::size_t>(row.arity);
    const auto more = std::find_if(others.begin(), others.end(),
                                   [&](const Function& other) { return other.name == row.spelling.word; });
    if (more != others.end()) more->operation = &row;
    else
      out.push_back({row.spelling.word, FunctionId::operation, FunctionKind::pointwise, arguments, arguments, &row});
  }
  out.insert(out.end(), others.begin(), others.end());
  return out;
}

const std::vector<Function>& functions() {
  static const std::vector<Function> list = all_functions();
  return list;
}

}  // namespace

const Function* find_function(std::string_view name) { return find_in(functions(), name); }

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> list = names_of(functions());
  return list;
}

bool is_reserved(std::string_view name) {
  return std::find(std::begin(reserved_words), std::end(reserved_words), name) != std::end(reserved_words) ||
         find_function(name) != nullptr;
}

const Distribution* find_distribution(std::string_view name) { return find_in(distributions, name); }

const std::vector<std::string>& distribution_names() {
  static const std::vector<std::string> list = names_of(distributions);
  return list;
}

}  // namespace eligo::dsl
