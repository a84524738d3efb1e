#include "compiler/frontend/functions.h"

namespace eligo::compiler {

Op operation_of(dsl::Comparison comparison) {
  using dsl::Comparison;
  switch (comparison) {
    case Comparison::less: return Op::lt;
    case Comparison::less_equal: return Op::le;
    case Comparison::greater: return Op::gt;
    case Comparison::greater_equal: return Op::ge;
    case Comparison::equal: return Op::eq;
    case Comparison::not_equal: return Op::ne;
  }
  return Op::eq;
}

}  // namespace eligo::compiler
