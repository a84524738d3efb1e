#include "runtime/kernels/kernel_memory.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "support/available.h"
#include "support/bytes.h"
#include "support/error.h"

namespace eligo {
namespace {

using namespace compiler::loops;  // NOLINT: the words of the loop form

constexpr std::size_t line = 64, huge_page = 2 << 20;

// Calls work(access) for all that a statement reads and writes.
void each_access(const Statement& s, const std::function<void(const Access&)>& work) {
  const std::function<void(const Value&)> visit = [&](const Value& v) {
    if (v.kind == ValueKind::load) work(v.access);
    for (const ValuePtr& a : v.args) visit(*a);
  };
  work(s.out);
  visit(*s.value);
}

// The largest number that a wiring may hold: all that is read through it must lie within its buffer.
std::int64_t largest_index(const Module& m, int wiring) {
  std::int64_t most = std::numeric_limits<std::int32_t>::max();
  for (const Function& f : m.functions)
    for (const Statement& s : f.statements)
      each_access(s, [&](const Access& a) {
        if (a.gather != wiring || a.gather_stride <= 0) return;
        std::int64_t last = a.offset;
        for (std::size_t l = 0; l < a.stride.size(); ++l)
          if (!s.loops[l].batch) last += std::max<std::int64_t>(0, a.stride[l] * (s.loops[l].extent - 1));
        most = std::min(most, (m.buffers[static_cast<std::size_t>(a.buffer)].size - 1 - last) / a.gather_stride);
      });
  return most;
}

std::int64_t bytes_of(Element element, bool float64) { return element == Element::int32 || !float64 ? 4 : 8; }

long double bytes_of(const Buffer& b, std::int64_t examples, bool float64) {
  return static_cast<long double>(b.size) * static_cast<long double>(b.batched ? examples : 1) *
         static_cast<long double>(bytes_of(b.element, float64));
}

// Vectors may reach a line beyond the end.
std::size_t room_for(const Buffer& b, std::int64_t examples, bool float64) {
  return (static_cast<std::size_t>(bytes_of(b, examples, float64)) + 2 * line - 1) / line * line;
}

}  // namespace

void KernelMemory::Free::operator()(std::byte* p) const { std::free(p); }

void KernelMemory::check(const Module& m, std::int64_t examples, bool float64) {
  long double wanted = 0;
  for (const Buffer& b : m.buffers) wanted += bytes_of(b, examples, float64) + 2 * line;
  const auto here = static_cast<long double>(available_memory());
  if (wanted > here)
    throw Error(
        fmt::format("the buffers of these kernels would take {} for {} examples, this machine has {} to spare: "
                    "use smaller sizes or a smaller batch",
                    readable_bytes(wanted), examples, readable_bytes(here)));
}

KernelMemory::KernelMemory(const Module& m, std::int64_t examples, bool float64) {
  check(m, examples, float64);
  std::size_t all = 0;
  for (const Buffer& b : m.buffers) all += room_for(b, examples, float64);
  all = (all + huge_page) / huge_page * huge_page;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(huge_page, all)));
  if (!memory_) throw std::bad_alloc();
  madvise(memory_.get(), all, MADV_HUGEPAGE);
  fill(m, examples, float64);
}

void KernelMemory::fill(const Module& m, std::int64_t examples, bool float64) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> real(0.01, 0.1);
  std::byte* place = memory_.get();
  for (std::size_t i = 0; i < m.buffers.size(); ++i) {
    const Buffer& b = m.buffers[i];
    const auto n = static_cast<std::size_t>(b.batched ? b.size * examples : b.size);
    const std::int64_t most = b.element == Element::int32 ? largest_index(m, static_cast<int>(i)) : 0;
    for (std::size_t k = 0; k < n; ++k) {
      void* const p = place + k * static_cast<std::size_t>(bytes_of(b.element, float64));
      if (b.element == Element::int32)
        *static_cast<std::int32_t*>(p) = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(most + 1));
      else if (float64) *static_cast<double*>(p) = real(random);
      else *static_cast<float*>(p) = static_cast<float>(real(random));
    }
    pointers_.push_back(place);
    place += room_for(b, examples, float64);
  }
}

double touched_bytes(const Module& m, const Function& f, std::int64_t examples, bool float64) {
  std::map<int, double> elements;  // by buffer, an upper bound: several accesses may be to the same ones
  for (const Statement& s : f.statements)
    each_access(s, [&](const Access& a) {
      double n = 1;
      for (std::size_t l = 0; l < a.stride.size(); ++l)
        if (a.stride[l] != 0) n *= static_cast<double>(s.loops[l].batch ? examples : s.loops[l].extent);
      if (a.gather >= 0) n = std::numeric_limits<double>::infinity(), elements[a.gather] = n;
      elements[a.buffer] += n;
    });
  double bytes = 0;
  for (const auto& [buffer, n] : elements) {
    const Buffer& b = m.buffers[static_cast<std::size_t>(buffer)];
    const double most = static_cast<double>(bytes_of(b, examples, float64));
    bytes += std::min(most, n * static_cast<double>(bytes_of(b.element, float64)));
  }
  return bytes;
}

}  // namespace eligo
