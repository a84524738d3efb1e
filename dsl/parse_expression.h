// The grammar of expressions, loosest first:
//
//   comparison   a < b                 not chained
//   sum          a + b - c
//   product      a * b / c
//   negation     -a
//   contraction  a . b                 blanks around the dot
//   power        a ^ b                 from the right; the exponent may be negated
//   postfix      a[i, j]  a.member  a before sequence
//   primary      1.5  name  f[axes](args; overrides)  d(a)/d(b)  (a)
#pragma once

#include "dsl/ast.h"
#include "dsl/token_stream.h"

namespace eligo::dsl {

// Throws ParseFailure after reporting.
ExprPtr parse_expression(TokenStream& tokens);

}  // namespace eligo::dsl
