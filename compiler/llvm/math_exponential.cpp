// Every function reduces its argument to a short interval and evaluates a polynomial there. The polynomials are
// Chebyshev interpolants, in high precision, of the function named beside each: see math_test.cpp for the bounds they
// keep.
#include "compiler/llvm/math_exponential.h"

#include <cmath>
#include <limits>

namespace eligo::compiler::codegen {

// The constants that depend on the format.
struct Exponential::Format {
  int bits, mantissa, bias;
  double magic;              // 1.5 * 2^mantissa: adding it rounds to an integer, in the low bits
  double ln2_high, ln2_low;  // ln2_high * n is exact for every exponent n
  double exp_low, exp_high;  // beyond, exp is 0 or infinite
  double normal_low;         // from here on, 2^n of exp's reduction is normal
  double expm1_low;          // below, expm1 rounds to -1
  double tiny;               // below, expm1(x) is x
  double smallest, upscale;  // smallest normal number; a power of two that makes denormals normal
  int upscale_exponent;
  std::int64_t sqrt_half;             // bits of sqrt(1/2)
  llvm::ArrayRef<double> exp_tail;    // (e^r - 1 - r)/r^2 on |r| <= ln(2)/2
  llvm::ArrayRef<double> log_tail;    // with z = s^2: (2 atanh(s)/s - 2)/z on z <= 0.0297
  llvm::ArrayRef<double> log1p_tail;  // the same on z <= 1/9
};

namespace {

constexpr double exp_tail_f32[] = {0.5000000014,   0.1666666668,   0.04166645681,
                                   0.008333310024, 0.001393454193, 0.0001989198131};
constexpr double log_tail_f32[] = {0.6666666655, 0.4000012519, 0.2855044271, 0.2334071013};
constexpr double log1p_tail_f32[] = {0.6666666732, 0.3999970633, 0.2859235799, 0.217065758, 0.2322432922};
constexpr double exp_tail_f64[] = {0.5,
                                   0.1666666666666667144,
                                   0.04166666666666667007,
                                   0.0083333333333255447,
                                   0.001388888888888332667,
                                   0.0001984126987686435493,
                                   0.00002480158732700718673,
                                   2.755725283351690975e-6,
                                   2.755727181021979957e-7,
                                   2.510627473357329469e-8,
                                   2.091544229778011522e-9};
constexpr double log_tail_f64[] = {0.6666666666666669883, 0.3999999999989391211, 0.285714286285007962,
                                   0.2222221072440128995, 0.1818291889294360307, 0.1533073652677951293,
                                   0.1462857155728390291};
constexpr double log1p_tail_f64[] = {0.6666666666666666689,  0.3999999999999952251, 0.2857142857160009929,
                                     0.2222222219823677056,  0.1818181989796271438, 0.1538454396486054929,
                                     0.1333517863144925584,  0.1173427906130319746, 0.1084517839488001482,
                                     0.07492143795550767301, 0.1563057780092285045};
// (atanh(s)/s - 1 - z/3)/z^2 on z <= 0.0297, for pow
constexpr double pow_tail[] = {0.199999999999999999,   0.1428571428571470874,  0.1111111111081232853,
                               0.09090909171220344157, 0.07692297106398486286, 0.06667422644604108998,
                               0.0585257702082661938,  0.05867223212918087568};

const Exponential::Format f32_format = {.bits = 32,
                                        .mantissa = 23,
                                        .bias = 127,
                                        .magic = 0x1.8p23,
                                        .ln2_high = 0.693359375,
                                        .ln2_low = -0.0002121944401,
                                        .exp_low = -104,
                                        .exp_high = 89,
                                        .normal_low = -87,
                                        .expm1_low = -40,
                                        .tiny = 0x1p-27,
                                        .smallest = 0x1p-126,
                                        .upscale = 0x1p25,
                                        .upscale_exponent = 25,
                                        .sqrt_half = 0x3f3504f3,
                                        .exp_tail = exp_tail_f32,
                                        .log_tail = log_tail_f32,
                                        .log1p_tail = log1p_tail_f32};
const Exponential::Format f64_format = {.bits = 64,
                                        .mantissa = 52,
                                        .bias = 1023,
                                        .magic = 0x1.8p52,
                                        .ln2_high = 0x1.62e42feep-1,
                                        .ln2_low = 0x1.a39ef35793c76p-33,
                                        .exp_low = -746,
                                        .exp_high = 710,
                                        .normal_low = -708,
                                        .expm1_low = -60,
                                        .tiny = 0x1p-56,
                                        .smallest = 0x1p-1022,
                                        .upscale = 0x1p54,
                                        .upscale_exponent = 54,
                                        .sqrt_half = 0x3fe6a09e667f3bcd,
                                        .exp_tail = exp_tail_f64,
                                        .log_tail = log_tail_f64,
                                        .log1p_tail = log1p_tail_f64};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Exponential::Exponential(Builder& builder, const Target& target, llvm::Type* type)
    : Arithmetic(builder, target, type), f(is_f32() ? f32_format : f64_format) {}

llvm::Value* Exponential::log(Value* x) {
  const Split m = split(x);
  return log_ends(x, log_of(m, b.CreateFSub(m.mantissa, real(1))));
}

// n ln 2 + log(1 + f), f the fraction.
llvm::Value* Exponential::log_of(const Split& m, Value* fraction) {
  Value* const s = b.CreateFDiv(fraction, b.CreateFAdd(fraction, real(2)));
  Value* const z = b.CreateFMul(s, s);
  Value* const tail = b.CreateFMul(z, polynomial(f.log_tail, z));
  Value* const half = b.CreateFMul(b.CreateFMul(real(0.5), fraction), fraction);
  // log(1 + f) = f - (f^2/2 - s*(f^2/2 + tail)), small terms first
  Value* const small = fma(m.exponent, real(f.ln2_low), b.CreateFMul(s, b.CreateFAdd(half, tail)));
  Value* const sum = b.CreateFSub(fraction, b.CreateFSub(half, small));
  return fma(m.exponent, real(f.ln2_high), sum);
}

// -expm1(-2|x|) / (expm1(-2|x|) + 2), with the sign of x.
llvm::Value* Exponential::tanh(Value* x) {
  Value* const y = expm1_negative(b.CreateFMul(absolute(x), real(-2)));
  Value* const t = b.CreateFDiv(negate(y), b.CreateFAdd(y, real(2)));
  return with_sign_of(x, t);
}

// 1 / (1 + e^-x). Neither e^-x nor the result needs denormal numbers: beside 1 the one is nothing, and of a large e^-x,
// which becomes infinite, the result is 0.
llvm::Value* Exponential::sigmoid(Value* x) {
  const Reduced a = reduce(at_most(at_least(negate(x), f.normal_low), f.exp_high));
  Value* const e = b.CreateFMul(b.CreateFAdd(expm1_short(a.r), real(1)), power_of_two(a.n));
  return b.CreateFDiv(real(1), b.CreateFAdd(e, real(1)));
}

// max(x, 0) + log1p(e), e = exp(-|x|), log1p(e) = 2 atanh(e/(2 + e)).
llvm::Value* Exponential::softplus(Value* x) {
  Value* const e = exp(negate(absolute(x)));
  Value* const s = b.CreateFDiv(e, b.CreateFAdd(e, real(2)));
  Value* const z = b.CreateFMul(s, s);
  Value* const tail = b.CreateFMul(z, polynomial(f.log1p_tail, z));
  Value* const log1p = fma(s, tail, b.CreateFAdd(s, s));
  return b.CreateFAdd(relu(x), log1p);
}

// e^x - 1 = 2 (h - 1/2 + h (e^r - 1)), h = 2^(n-1): half, so that h is finite where the result is.
llvm::Value* Exponential::expm1(Value* x) {
  const Reduced a = reduce(at_most(at_least(x, f.expm1_low), f.exp_high));
  Value* const h = power_of_two(b.CreateSub(a.n, integer(1)));
  const Pair less = exact_sum(h, real(-0.5));
  Value* const tail = fma(b.CreateFMul(a.r, a.r), polynomial(f.exp_tail, a.r), a.rest);
  const Pair sum = quick_sum(less.high, b.CreateFMul(h, a.r));
  Value* const small = b.CreateFAdd(b.CreateFAdd(less.low, sum.low), b.CreateFMul(h, tail));
  Value* const half = b.CreateFAdd(sum.high, small);
  // next to 0 it is x, of which half may be no number of the format
  return b.CreateSelect(b.CreateFCmpOLT(absolute(x), real(f.tiny)), x, b.CreateFMul(half, real(2)));
}

// log(u) for u = 1 + x as rounded, with what that took put back into the fraction.
llvm::Value* Exponential::log1p(Value* x) {
  const Pair u = exact_sum(real(1), x);
  const Split m = split(u.high);
  Value* rest = b.CreateFMul(u.low, power_of_two(b.CreateNeg(m.n)));
  // of a large x it is nothing, and may have no such power
  rest = b.CreateSelect(b.CreateFCmpOLT(x, real(std::ldexp(1.0, f.mantissa + 4))), rest, real(0));
  Value* const result = log_of(m, b.CreateFAdd(b.CreateFSub(m.mantissa, real(1)), rest));
  return with_sign_of(x, log_ends(u.high, result));
}

llvm::Value* Exponential::pow(Value* x, Value* y) {
  Value* const size = f.bits == 32 ? pow_size_wide(absolute(x), y) : pow_size(absolute(x), y);
  Value* const whole = is_whole(absolute(y));
  Value* const odd = b.CreateAnd(whole, b.CreateNot(is_whole(b.CreateFMul(absolute(y), real(0.5)))));
  Value* const negative = b.CreateICmpSLT(b.CreateBitCast(x, integers_), integer(0));
  Value* result = b.CreateSelect(b.CreateAnd(negative, odd), negate(size), size);
  // a negative base has only whole powers; infinities aside
  Value* const finite = b.CreateFCmpOLT(absolute(x), real(infinity));
  Value* const undefined = b.CreateAnd(b.CreateAnd(b.CreateFCmpOLT(x, real(0)), finite), b.CreateNot(whole));
  result = keep_nan(y, b.CreateSelect(undefined, real(nan), result));
  Value* const one = b.CreateOr(b.CreateFCmpOEQ(y, real(0)), b.CreateFCmpOEQ(x, real(1)));
  return b.CreateSelect(one, real(1), result);
}

Exponential::Reduced Exponential::reduce(Value* x) {
  Value* const shifted = fma(x, real(1.4426950408889634074), real(f.magic));
  Value* const whole = b.CreateFSub(shifted, real(f.magic));
  Value* const near = fma(whole, real(-f.ln2_high), x);
  Value* const r = fma(whole, real(-f.ln2_low), near);
  Value* const rest = fma(whole, real(-f.ln2_low), b.CreateFSub(near, r));
  Value* const n = b.CreateSub(b.CreateBitCast(shifted, integers_), b.CreateBitCast(real(f.magic), integers_));
  return {n, r, rest};
}

// 2^n for the exponents of normal numbers.
llvm::Value* Exponential::power_of_two(Value* n) {
  Value* const biased = b.CreateShl(b.CreateAdd(n, integer(f.bias)), integer(f.mantissa));
  return b.CreateBitCast(biased, type_);
}

// e^r - 1 for |r| <= ln(2)/2.
llvm::Value* Exponential::expm1_short(Value* r) { return fma(b.CreateFMul(r, r), polynomial(f.exp_tail, r), r); }

// e^(x + low), low tiny or absent. The scale is applied in two halves so that denormal results round once.
llvm::Value* Exponential::exp_of_sum(Value* x, Value* low) {
  Reduced a = reduce(at_most(at_least(x, f.exp_low), f.exp_high));
  if (low) a.r = b.CreateFAdd(a.r, low);
  Value* const p = b.CreateFAdd(expm1_short(a.r), real(1));
  Value* const half = b.CreateAShr(a.n, integer(1));
  return b.CreateFMul(b.CreateFMul(p, power_of_two(half)), power_of_two(b.CreateSub(a.n, half)));
}

// e^x - 1 for x <= 0.
llvm::Value* Exponential::expm1_negative(Value* x) {
  const Reduced a = reduce(at_least(x, f.expm1_low));
  Value* const scale = power_of_two(a.n);
  return fma(scale, expm1_short(a.r), b.CreateFSub(scale, real(1)));
}

// For positive normal or denormal x; anything else gives anything.
Exponential::Split Exponential::split(Value* x) {
  Value* const denormal = b.CreateFCmpOLT(x, real(f.smallest));
  Value* const scaled = b.CreateSelect(denormal, b.CreateFMul(x, real(f.upscale)), x);
  const std::int64_t one = static_cast<std::int64_t>(f.bias) << f.mantissa;
  Value* const bits = b.CreateAdd(b.CreateBitCast(scaled, integers_), integer(one - f.sqrt_half));
  Value* const fraction = b.CreateAnd(bits, integer((std::int64_t{1} << f.mantissa) - 1));
  Value* const mantissa = b.CreateBitCast(b.CreateAdd(fraction, integer(f.sqrt_half)), type_);
  Value* n = b.CreateSub(b.CreateLShr(bits, integer(f.mantissa)), integer(f.bias));
  n = b.CreateSub(n, b.CreateSelect(denormal, integer(f.upscale_exponent), integer(0)));
  // to a real by way of the rounding constant's low bits: AVX2 converts no 64-bit integers
  Value* const magic = b.CreateBitCast(real(f.magic), integers_);
  return {mantissa, b.CreateFSub(b.CreateBitCast(b.CreateAdd(magic, n), type_), real(f.magic)), n};
}

// log's result where x is not a positive finite number.
llvm::Value* Exponential::log_ends(Value* x, Value* result) {
  result = b.CreateSelect(b.CreateFCmpOLT(x, real(infinity)), result, x);  // infinity, NaN
  result = b.CreateSelect(b.CreateFCmpOLT(x, real(0)), real(nan), result);
  return b.CreateSelect(b.CreateFCmpOEQ(x, real(0)), real(-infinity), result);
}

// Whether x >= 0 is an integer; infinity is one, NaN is none.
llvm::Value* Exponential::is_whole(Value* x) {
  const double unit = std::ldexp(1.0, f.mantissa);
  Value* const rounded = b.CreateFSub(b.CreateFAdd(x, real(unit)), real(unit));
  return b.CreateOr(b.CreateFCmpOGE(x, real(unit)), b.CreateFCmpOEQ(rounded, x));
}

// x^y for x >= 0 in f32: by way of f64, where exp(y log x) is exact enough.
llvm::Value* Exponential::pow_size_wide(Value* x, Value* y) {
  Exponential f64(b, target_, wide());
  Value* const log = f64.log(b.CreateFPExt(x, wide()));
  Value* const size = b.CreateFPTrunc(f64.exp(b.CreateFMul(log, b.CreateFPExt(y, wide()))), type_);
  return b.CreateSelect(b.CreateFCmpOEQ(x, real(1)), real(1), size);  // 1^infinity
}

// x^y for x >= 0 in f64: exp(y log x) with log x and the product in twice the precision.
llvm::Value* Exponential::pow_size(Value* x, Value* y) {
  const Pair log = log_pair(x);
  Value* const plain = log_ends(x, log.high);
  Value* const product = b.CreateFMul(y, plain);
  Value* const error = b.CreateFAdd(product_error(y, log.high, product), b.CreateFMul(y, log.low));
  Value* const tame = b.CreateFCmpOLT(absolute(product), real(800));
  Value* const size = exp_of_sum(product, b.CreateSelect(tame, error, real(0)));
  return b.CreateSelect(b.CreateFCmpOEQ(x, real(1)), real(1), size);
}

// log x = n ln 2 + 2s(1 + z/3 + z^2 tail(z)), s = f/(2 + f), z = s^2, all but the tail in pairs.
Exponential::Pair Exponential::log_pair(Value* x) {
  const Split m = split(x);
  Value* const fraction = b.CreateFSub(m.mantissa, real(1));
  const Pair base = quick_sum(real(2), fraction);
  Value* const s = b.CreateFDiv(fraction, base.high);
  Value* const whole = b.CreateFMul(s, base.high);
  Value* rest = b.CreateFSub(b.CreateFSub(fraction, whole), product_error(s, base.high, whole));
  rest = b.CreateFSub(rest, b.CreateFMul(s, base.low));
  const Pair ratio = quick_sum(s, b.CreateFDiv(rest, base.high));
  const Pair z = product(ratio, ratio);
  Value* const tail = b.CreateFMul(b.CreateFMul(z.high, z.high), polynomial(pow_tail, z.high));
  Pair series = product(z, {real(0x1.5555555555555p-2), real(0x1.5555555555555p-56)});
  series = quick_sum(series.high, b.CreateFAdd(series.low, tail));
  const Pair log =
      product({b.CreateFAdd(ratio.high, ratio.high), b.CreateFAdd(ratio.low, ratio.low)}, one_plus(series));
  // n ln2_high is exact, and larger than log unless n is 0
  const Pair sum = quick_sum(b.CreateFMul(m.exponent, real(f.ln2_high)), log.high);
  return quick_sum(sum.high, b.CreateFAdd(sum.low, fma(m.exponent, real(f.ln2_low), log.low)));
}

Exponential::Pair Exponential::one_plus(Pair x) {
  const Pair s = quick_sum(real(1), x.high);
  return {s.high, b.CreateFAdd(s.low, x.low)};
}

}  // namespace eligo::compiler::codegen
