// Masks, and what may be other than a finite number.
//
// A factor of a product that is 1 or 0, and whose 0 is structural, is a mask: an identity or block (embed), a wiring, a
// flag of the runtime, and the map `mask`, with which a derivative says which operand was chosen. Where a mask is 0 the
// product is exactly 0, also if another factor is infinite or NaN: the branch of a `where` that was not taken
// contributes nothing. Any other 0 times infinity is NaN, as in IEEE arithmetic.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

// A flag or a map `mask`; these are emitted as selects.
bool is_mask(const Program& program, Ref node);
// 1 - a flag.
bool is_complement_of_flag(const Program& program, Ref node);
// A mask, or an embed or a wire.
bool is_structural(const Program& program, Ref node);

// Nothing below makes an infinity or NaN out of finite numbers of moderate size. What is kept in fields is looked up.
bool stays_finite(Program& program, Ref node);
// A finite number whatever the tensors hold: flags, comparisons and what is made of them.
bool always_finite(const Program& program, Ref node);

}  // namespace eligo::compiler
