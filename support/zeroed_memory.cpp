#include "support/zeroed_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace eligo {
namespace {

constexpr std::size_t line = 64, huge_page = std::size_t{2} << 20;
// Less is the allocator's, which has it at hand; several huge pages are wanted before one may be half empty.
constexpr std::size_t mapped_from = std::size_t{1} << 20, huge_from = 2 * huge_page;

void* map(std::size_t bytes) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return p;
}

// From a huge page's start on: what is mapped too much before and behind is given back.
void* map_huge(std::size_t bytes) {
  const std::size_t page = 4096, whole = (bytes + page - 1) / page * page;
  auto* const all = static_cast<std::byte*>(map(whole + huge_page));
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(all) % huge_page) % huge_page;
  if (before > 0) munmap(all, before);
  if (before < huge_page) munmap(all + before + whole, huge_page - before);
#ifdef MADV_HUGEPAGE
  madvise(all + before, whole, MADV_HUGEPAGE);  // where the system has none, small pages serve
#endif
  return all + before;
}

}  // namespace

ZeroedMemory::ZeroedMemory(std::size_t bytes) {
  if (bytes >= mapped_from) {
    block_ = {bytes >= huge_from ? map_huge(bytes) : map(bytes), Free(bytes, true)};
    return;
  }
  void* const p = std::aligned_alloc(line, (bytes + line - 1) / line * line);
  if (p == nullptr) throw std::bad_alloc();
  std::memset(p, 0, bytes);
  block_ = {p, Free(bytes, false)};
}

void ZeroedMemory::Free::operator()(void* p) const {
  if (mapped) munmap(p, bytes);
  else std::free(p);
}

}  // namespace eligo
