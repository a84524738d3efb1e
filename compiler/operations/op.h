// The names of the scalar operations. Hashes of graphs depend on their numbers: a new operation comes last.
#pragma once

namespace eligo::compiler {

#define ELIGO_OPERATIONS(X)                                                                                       \
  X(neg) X(exp) X(log) X(sqrt) X(recip) X(abs) X(sign) X(tanh) X(sigmoid) X(softplus) X(relu) X(step) X(square)   \
  X(add) X(sub) X(mul) X(div) X(pow) X(max) X(min) X(lt) X(le) X(gt) X(ge) X(eq) X(ne) X(select) X(clamp) X(mask)  \
  X(sin) X(cos) X(atan) X(expm1) X(log1p) X(erf)

enum class Op {
#define ELIGO_ENUMERATOR(name) name,
  ELIGO_OPERATIONS(ELIGO_ENUMERATOR)
#undef ELIGO_ENUMERATOR
};

#define ELIGO_ONE(name) +1
inline constexpr int op_count = ELIGO_OPERATIONS(ELIGO_ONE);
#undef ELIGO_ONE

}  // namespace eligo::compiler
