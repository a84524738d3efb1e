// What an expression reads: every name with its time bracket, found in one walk.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dsl/ast.h"

namespace eligo::dsl {

struct Read {
  std::string root;               // z of z.f[t], net of net.h[t]
  std::string path;               // z.f, net.h; the root itself without members
  std::optional<TimeIndex> time;  // the first bracket, if it is one of time
  Span span;                      // with its brackets
};

// Names are reads, also a plain `t`; the name of a called function is none. Index brackets behind the time are walked
// too.
std::vector<Read> reads_of(const Expr& e);

// net.h of an expression that is a name or a member of one, "" otherwise.
std::string path_of(const Expr& e);

// Calls `visit` for the expression and all its parts, outermost first.
void for_each_part(const Expr& e, const std::function<void(const Expr&)>& visit);

}  // namespace eligo::dsl
