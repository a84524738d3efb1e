// Loops over arrays of reals of either precision, with the vectors that the processor has. Nothing overlaps; each
// element is computed as if alone, so the results do not depend on the vectors.
#pragma once

#include <cstdint>

namespace eligo {

// to = from
template <class From, class Real>
void convert(const From* from, Real* to, std::int64_t count);
// to += from
template <class Real>
void add(const Real* from, Real* to, std::int64_t count);
// to += factor * from, computed in float64
template <class From, class Real>
void add_scaled(const From* from, double factor, Real* to, std::int64_t count);
// Whether all are finite numbers, as Real.
template <class Real, class From>
bool all_finite_as(const From* values, std::int64_t count);

}  // namespace eligo
