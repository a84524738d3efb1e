// Arguments of any size are reduced exactly (Payne and Hanek): of |x| * 2/π only the bits from the quadrant's number
// down matter, and those depend on a short stretch of the digits of 2/π. Where it lies follows from the exponent of x.
// It is found by selects, so that no table in memory is read and no branch taken, and multiplied in integers. f32 is
// computed in lanes of f64, with fewer digits.
#include "compiler/llvm/math_trigonometric.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace eligo::compiler::codegen {
namespace {

using llvm::ArrayRef;

// (sin r - r)/r^3 and (cos r - 1 + r^2/2)/r^4 in z = r^2 on |r| <= π/4; the short ones are for f32
constexpr double sin_tail_f32[] = {-0.166666666416, 0.00833332938358, -0.000198393340829, 2.71830422765e-6};
constexpr double cos_tail_f32[] = {0.0416666666228, -0.00138888837504, 2.47995191888e-5, -2.72101689692e-7};
constexpr double sin_tail_f64[] = {-0.1666666666666666664,   0.008333333333333322816,  -0.0001984126984125512198,
                                   2.755731921421926262e-6,  -2.505210491925552851e-8, 1.605836762340944741e-10,
                                   -7.578748144109726909e-13};
constexpr double cos_tail_f64[] = {0.04166666666666659948,  -0.001388888888887412386, 0.00002480158728948214633,
                                   -2.75573143523219467e-7, 2.087572327176601434e-9,  -1.135964772803775791e-11};
// (atan t - t)/t^3 in z = t^2 on |t| <= 1/2
constexpr double atan_tail_f32[] = {-0.3333332708, 0.1999949837,   -0.1427223339,
                                    0.1094220927,  -0.07988476655, 0.03878230427};
constexpr double atan_tail_f64[] = {-0.3333333333333331283,  0.1999999999999341784,   -0.1428571428497494329,
                                    0.1111111106922065268,   -0.0909090768783039444,  0.07692277396787443016,
                                    -0.06666222705878742228, 0.05877800876710299924,  -0.05229980997591167285,
                                    0.04589341257082717299,  -0.03711647332903543904, 0.02365227416516851839,
                                    -0.008364237825289895696};

// Zeros, then the binary digits of 2/π, highest first. There are as many zeros as put the digits for the smallest
// exponent first: that of 1/2 for f64, of 1 for f32.
constexpr std::uint64_t digits_f32[] = {0x00000028be60db93, 0x91054a7f09d5f47d, 0x4d377036d8a5664f, 0x10e4107f9458eaf7,
                                        0xaef1586dc91b8e90};
constexpr std::uint64_t digits_f64[] = {0x0000000000000145, 0xf306dc9c882a53f8, 0x4eafa3ea69bb81b6, 0xc52b3278872083fc,
                                        0xa2c757bd778ac36e, 0x48dc74849ba5c00c, 0x925dd413a32439fc, 0x3bd63962534e7dd1,
                                        0x046bea5d768909d3, 0x38e04d68befc8273, 0x23ac7306a673e939, 0x08bf177bf250763f,
                                        0xf12fffbc0b301fde, 0x5e2316b414da3eda, 0x6cfd9e4f96136e9e, 0x8c7ecd3cbfd45aea,
                                        0x4f758fd7cbe2f67a, 0x0e73ef14a525d4d7, 0xf6bf623f1aba10ac, 0x06608df8f6d757e1};

struct Digits {
  ArrayRef<std::uint64_t> words;
  int window;  // words of it that are multiplied: mantissa * them is |x| * 2/π modulo 4, in units of 2^(2 - 64 window)
  int lowest;  // exponent of the last bit of the smallest mantissa
  int mantissa;  // bits of f64's mantissa that are left
};
const Digits& digits(bool of_f32) {
  static const Digits short_ones = {digits_f32, 2, -24, 24}, long_ones = {digits_f64, 3, -53, 53};
  return of_f32 ? short_ones : long_ones;
}

constexpr double quarter = 0x1.921fb54442d18p-1;  // π/4; nothing is reduced below
constexpr double half_pi = 0x1.921fb54442d18p0, half_pi_low = 0x1.1a62633145c07p-54;

}  // namespace

llvm::Value* Trigonometric::circular(Value* x, bool cosine) {
  if (!is_f32()) return circular_wide(x, cosine, false);
  Trigonometric f64(b, target_, wide());
  return b.CreateFPTrunc(f64.circular_wide(b.CreateFPExt(x, wide()), cosine, true), type_);
}

llvm::Value* Trigonometric::circular_wide(Value* x, bool cosine, bool of_f32) {
  const Angle a = reduce(absolute(x), of_f32);
  Value* const z = b.CreateFMul(a.r.high, a.r.high);
  Value* const quadrant = cosine ? b.CreateAdd(a.quadrant, integer(1)) : a.quadrant;
  Value* const odd = b.CreateICmpNE(b.CreateAnd(quadrant, integer(1)), integer(0));
  Value* const size = b.CreateSelect(odd, cosine_of(a, z, of_f32), sine_of(a, z, of_f32));
  Value* sign = b.CreateShl(b.CreateAnd(quadrant, integer(2)), integer(62));
  if (!cosine) sign = b.CreateXor(sign, b.CreateAnd(bits_of(x), integer(std::numeric_limits<std::int64_t>::min())));
  Value* const result = from_bits(b.CreateXor(bits_of(size), sign));
  Value* const finite = b.CreateFCmpOLT(absolute(x), real(std::numeric_limits<double>::infinity()));
  return b.CreateSelect(finite, result, b.CreateFSub(x, x));
}

llvm::Value* Trigonometric::sine_of(const Angle& a, Value* z, bool of_f32) {
  const ArrayRef<double> tail = of_f32 ? ArrayRef<double>(sin_tail_f32) : ArrayRef<double>(sin_tail_f64);
  Value* const cube = b.CreateFMul(b.CreateFMul(a.r.high, z), polynomial(tail, z));
  if (of_f32) return b.CreateFAdd(a.r.high, cube);
  Value* const rest = b.CreateFMul(a.r.low, fma(z, real(-0.5), real(1)));
  return b.CreateFAdd(a.r.high, b.CreateFAdd(cube, rest));
}

llvm::Value* Trigonometric::cosine_of(const Angle& a, Value* z, bool of_f32) {
  const ArrayRef<double> tail = of_f32 ? ArrayRef<double>(cos_tail_f32) : ArrayRef<double>(cos_tail_f64);
  Value* const fourth = b.CreateFMul(b.CreateFMul(z, z), polynomial(tail, z));
  const Pair lead = quick_sum(real(1), b.CreateFMul(z, real(-0.5)));
  if (of_f32) return b.CreateFAdd(lead.high, fourth);
  Value* const rest = b.CreateFSub(lead.low, b.CreateFMul(a.r.high, a.r.low));
  return b.CreateFAdd(lead.high, b.CreateFAdd(fourth, rest));
}

// An integer below 2^52 as a real.
llvm::Value* Trigonometric::below_2_52(Value* x) {
  Value* const unit = bits_of(real(0x1p52));
  return b.CreateFSub(from_bits(b.CreateOr(x, unit)), real(0x1p52));
}

// The window's words from digit `from` on, the highest first.
std::vector<llvm::Value*> Trigonometric::window_of_two_over_pi(Value* from, bool of_f32) {
  const Digits& d = digits(of_f32);
  const auto needed = static_cast<std::size_t>(d.window + 1);
  std::vector<Value*> words;
  for (const std::uint64_t word : d.words) words.push_back(integer(static_cast<std::int64_t>(word)));
  Value* const first = b.CreateLShr(from, integer(6));
  std::size_t step = 1;
  while (2 * step <= words.size() - needed) step *= 2;
  for (; step > 0; step /= 2) {
    Value* const on = b.CreateICmpNE(b.CreateAnd(first, integer(static_cast<std::int64_t>(step))), integer(0));
    const std::size_t kept = std::min(words.size(), needed + step - 1);
    std::vector<Value*> next;
    for (std::size_t i = 0; i < kept; ++i)
      next.push_back(i + step < words.size() ? b.CreateSelect(on, words[i + step], words[i]) : words[i]);
    words = std::move(next);
  }
  Value* const shift = b.CreateAnd(from, integer(63));
  Value* const back = b.CreateSub(integer(63), shift);
  std::vector<Value*> out;
  for (std::size_t i = 0; i + 1 < needed; ++i)
    out.push_back(b.CreateOr(b.CreateShl(words[i], shift), b.CreateLShr(b.CreateLShr(words[i + 1], integer(1)), back)));
  return out;
}

// mantissa * words modulo 2^(64 words), as such words, in halves of 32 bits: few processors multiply vectors of more.
std::vector<llvm::Value*> Trigonometric::multiply(Value* mantissa, const std::vector<Value*>& words, bool of_f32) {
  std::vector<Value*> factors = {low_half(mantissa)}, halves, sums;
  if (!of_f32) factors.push_back(b.CreateLShr(mantissa, integer(32)));
  for (std::size_t i = words.size(); i-- > 0;) {
    halves.push_back(low_half(words[i]));
    halves.push_back(b.CreateLShr(words[i], integer(32)));
  }
  Value* carry = integer(0);
  for (std::size_t k = 0; k < halves.size(); ++k) {
    Value* sum = carry;  // of at most five numbers below 2^32
    for (std::size_t i = 0; i < factors.size() && i <= k; ++i)
      sum = b.CreateAdd(sum, low_half(b.CreateMul(factors[i], halves[k - i])));
    for (std::size_t i = 0; i < factors.size() && i + 1 <= k; ++i)
      sum = b.CreateAdd(sum, b.CreateLShr(b.CreateMul(factors[i], halves[k - 1 - i]), integer(32)));
    sums.push_back(low_half(sum));
    carry = b.CreateLShr(sum, integer(32));
  }
  std::vector<Value*> out;
  for (std::size_t i = halves.size(); i > 0; i -= 2)
    out.push_back(b.CreateOr(b.CreateShl(sums[i - 1], integer(32)), sums[i - 2]));
  return out;
}

// Of x >= 0. Infinity and NaN give anything.
Trigonometric::Angle Trigonometric::reduce(Value* x, bool of_f32) {
  const Digits& d = digits(of_f32);
  Value* const bits = bits_of(x);
  Value* mantissa = b.CreateOr(b.CreateAnd(bits, integer((std::int64_t{1} << 52) - 1)), integer(std::int64_t{1} << 52));
  if (d.mantissa < 53) mantissa = b.CreateLShr(mantissa, integer(53 - d.mantissa));
  const std::int64_t exponent_of_0 = -1075 + (53 - d.mantissa);
  Value* const from = b.CreateAdd(b.CreateLShr(bits, integer(52)), integer(exponent_of_0 - d.lowest));
  const std::vector<Value*> y = multiply(mantissa, window_of_two_over_pi(from, of_f32), of_f32);

  // The quadrant in two bits, then a fraction; from one half on it belongs to the next quadrant and is negative.
  std::vector<Value*> fraction;
  for (std::size_t i = 0; i < y.size(); ++i) {
    Value* const lower = i + 1 < y.size() ? b.CreateLShr(y[i + 1], integer(62)) : integer(0);
    fraction.push_back(b.CreateOr(b.CreateShl(y[i], integer(2)), lower));
  }
  Value* const negative = b.CreateAShr(fraction[0], integer(63));  // all bits
  Value* const quadrant = b.CreateSub(b.CreateLShr(y[0], integer(62)), negative);
  for (Value*& word : fraction) word = b.CreateXor(word, negative);     // its size, but for one in the last place
  const auto join = [&](std::size_t word, int bits_above, int count) {  // 52 bits across two words
    Value* const above = b.CreateAnd(fraction[word], integer((std::int64_t{1} << bits_above) - 1));
    Value* const below = b.CreateLShr(fraction[word + 1], integer(64 - count));
    return below_2_52(b.CreateOr(b.CreateShl(above, integer(count)), below));
  };
  const Pair top = quick_sum(b.CreateFMul(below_2_52(b.CreateLShr(fraction[0], integer(12))), real(0x1p-52)),
                             b.CreateFMul(join(0, 12, 40), real(0x1p-104)));
  Pair r;
  if (of_f32) {
    r = {b.CreateFMul(top.high, real(half_pi)), real(0)};
  } else {
    const Pair turn = quick_sum(top.high, fma(join(1, 24, 28), real(0x1p-156), top.low));
    r = product(turn, {real(half_pi), real(half_pi_low)});
  }
  Value* const sign = b.CreateAnd(negative, integer(std::numeric_limits<std::int64_t>::min()));
  Value* const reduced = b.CreateFCmpOGT(x, real(quarter));
  r.high = b.CreateSelect(reduced, from_bits(b.CreateXor(bits_of(r.high), sign)), x);
  r.low = b.CreateSelect(reduced, from_bits(b.CreateXor(bits_of(r.low), sign)), real(0));
  return {b.CreateSelect(reduced, quadrant, integer(0)), r};
}

// atan|x| = offset + atan t: t is |x| up to 1/2, (|x| - 1)/(|x| + 1) up to 2, then -1/|x|.
llvm::Value* Trigonometric::atan(Value* x) {
  Value* const size = absolute(x);
  Value *const middle = b.CreateFCmpOGT(size, real(0.5)), *const large = b.CreateFCmpOGT(size, real(2));
  const auto choose = [&](Value* of_large, Value* of_middle, Value* of_small) {
    return b.CreateSelect(large, of_large, b.CreateSelect(middle, of_middle, of_small));
  };
  Value* const above = choose(real(-1), b.CreateFSub(size, real(1)), size);
  Value* const below = choose(size, b.CreateFAdd(size, real(1)), real(1));
  Value* const t = b.CreateFDiv(above, below);
  Value* const z = b.CreateFMul(t, t);
  const ArrayRef<double> coefficients = is_f32() ? ArrayRef<double>(atan_tail_f32) : ArrayRef<double>(atan_tail_f64);
  Value* const tail = b.CreateFMul(t, b.CreateFMul(z, polynomial(coefficients, z)));
  // π/2 as two numbers of the format
  const double high = is_f32() ? 0x1.921fb6p0 : half_pi, low = is_f32() ? -0x1.777a5cp-25 : half_pi_low;
  Value* const rest = choose(real(low), real(low / 2), real(0));
  Value* const offset = choose(real(high), real(high / 2), real(0));
  return with_sign_of(x, b.CreateFAdd(offset, b.CreateFAdd(t, b.CreateFAdd(tail, rest))));
}

}  // namespace eligo::compiler::codegen
