// ListOps (Nangia & Bowman 2018), as the Long Range Arena (Tay et al. 2020) has it: nested lists such as
// [MAX 2 9 [MIN 4 7 ] 0 ], read token by token; the list's value, a digit, is wanted at the closing bracket.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/tasks/task.h"

namespace eligo {

// Tokens are 0..9, the digits; then the four openings, and the bracket that closes.
enum ListOpsToken : std::uint8_t { kMax = 10, kMin, kMedian, kSumModulo, kClose, kListOpsTokens };

struct ListOpsSize {
  std::int64_t steps = 0;      // tokens at most
  std::int64_t depth = 0;      // lists within each other, at most
  std::int64_t arguments = 0;  // of a list, at most; two at least
};
// An expression that draw number `example` of this purpose makes.
std::vector<std::uint8_t> draw_list(std::uint64_t seed, const char* purpose, std::uint64_t example,
                                    const ListOpsSize& size);
// What an expression comes to: the median of an even number is the mean of the two in the middle, rounded down; a sum
// is taken modulo 10.
int list_value(const std::vector<std::uint8_t>& tokens);

TaskKind listops_kind();

}  // namespace eligo
