// Nothing is allocated inside a sequence, nor in a step of online use, once a session has run.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "tests/oracle/nets.h"

namespace {
// Of this thread: phases that are rarely called may still be compiled by others.
thread_local std::int64_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  return std::malloc(size ? size : 1);
}
void* counted(std::size_t size, std::align_val_t align) {
  ++allocations;
  const auto unit = static_cast<std::size_t>(align);
  return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}
void* or_throw(void* p) {
  if (!p) throw std::bad_alloc();
  return p;
}
}  // namespace

// All of them: what one form has allocated another may free, as std::stable_sort's buffer.
void* operator new(std::size_t size) { return or_throw(counted(size)); }
void* operator new[](std::size_t size) { return or_throw(counted(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new(std::size_t size, std::align_val_t align) { return or_throw(counted(size, align)); }
void* operator new[](std::size_t size, std::align_val_t align) { return or_throw(counted(size, align)); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace eligo::test {
namespace {

TEST(Allocations, NoneInASequence) {
  for (const char* rule : {"bptt", "n_step_sg", "bp_lambda", "uoro"}) {
    for (const Update update : {Update::sequence, Update::step}) {
      if (update == Update::step && std::string(rule) != "uoro") continue;
      ProgramSpec spec = exact(net(rule, "lstm", "linear_mse", "linear", 4));
      spec.update = update;
      const Shape shape{.steps = 7, .examples = 60, .unequal = true};
      Session session = make_session(spec, shape);
      const Batch batch = make_batch(shape);
      session.run(batch);
      session.run(batch);  // is recorded
      const std::int64_t before = allocations;
      EXPECT_GT(before, 0);
      session.run(batch);
      EXPECT_EQ(allocations - before, 0) << rule;
    }
  }
}

TEST(Allocations, NoneInAStep) {
  for (const char* rule : {"rtrl", "uoro", "bp_lambda"}) {
    ProgramSpec spec = exact(net(rule, "rnn_tanh", "linear_mse", "linear", 4));
    spec.update = Update::step;
    Session session = make_session(spec, {.steps = 1, .examples = 1});
    const std::vector<double> x(3, 0.5), y(2, 0.25);
    for (int i = 0; i < 50; ++i) session.step(x, y);  // every place in the period is recorded
    const std::int64_t before = allocations;
    for (int i = 0; i < 50; ++i) session.step(x, y);
    EXPECT_EQ(allocations - before, 0) << rule;
  }
}

}  // namespace
}  // namespace eligo::test
