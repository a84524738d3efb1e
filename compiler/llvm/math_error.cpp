#include "compiler/llvm/math_error.h"

namespace eligo::compiler::codegen {
namespace {

using llvm::ArrayRef;
using llvm::Value;

// erf(x)/x - 1 in z = x^2 on |x| <= 1
constexpr double short_f32[] = {0.1283791659,   -0.3761262713,    0.1128360009,  -0.02685444041,
                                0.005189526315, -0.0008020752619, 7.888795854e-5};
constexpr double short_f64[] = {0.1283791670955125738,    -0.3761263890318374817,     0.1128379167095488422,
                                -0.0268661706450778241,   0.005223977624827904726,    -0.0008548326981393705574,
                                0.0001205533113173868948, -0.00001492559574165118885, 1.646100796845902668e-6,
                                -1.635039062499179175e-7, 1.466028980041461117e-8,    -1.137480060582506525e-9,
                                5.960415365014176035e-11};
// exp(x^2) erfc(x), with the smallest error of erfc, in x - 5/2 on [1, 4] and in x - 7/2 on [1, 6]: beyond, erf rounds
// to 1
constexpr double scaled_f32[] = {0.2108076056,     -0.07434218672,  0.02491462503,   -0.008132254127, 0.002302500446,
                                 -0.0006611212507, 0.0005433209357, 0.0002250635492, 0.0001068433679};
constexpr double scaled_f64[] = {0.1552936556072203985,     -0.04132357783182002847,  0.01066113333875919626,
                                 -0.002673073817737792711,  0.0006526865784963805814, -0.0001554726730966460726,
                                 0.00003617253031556995495, -8.243152451851375568e-6, 1.84881181671771976e-6,
                                 -3.779938296196989943e-7,  1.010132807088690989e-7,  -2.334499283483764528e-8,
                                 -1.108541214480286196e-8,  -1.084789440431508485e-8, -1.786626999656815303e-9,
                                 1.667895726464674595e-9,   1.554718399696688949e-9,  6.234099460531072517e-10,
                                 1.462428599528906362e-10,  1.936107204580616583e-11, 1.172524273941137747e-12};

}  // namespace

Value* error_function(Exponential m, Builder& b, Value* x, bool f32) {
  const ArrayRef<double> inner = f32 ? ArrayRef<double>(short_f32) : ArrayRef<double>(short_f64);
  const ArrayRef<double> outer = f32 ? ArrayRef<double>(scaled_f32) : ArrayRef<double>(scaled_f64);
  Value* const size = m.at_most(m.absolute(x), f32 ? 4 : 6);
  Value* const z = b.CreateFMul(size, size);
  Value* const near = m.fma(size, m.polynomial(inner, z), size);
  Value* const scaled = m.polynomial(outer, b.CreateFSub(size, m.real(f32 ? 2.5 : 3.5)));
  Value* const far = b.CreateFSub(m.real(1), b.CreateFMul(m.exp(m.negate(z)), scaled));
  return m.with_sign_of(x, b.CreateSelect(b.CreateFCmpOGT(size, m.real(1)), far, near));
}

}  // namespace eligo::compiler::codegen
