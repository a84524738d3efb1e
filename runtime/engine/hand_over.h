// Work for tbb::parallel_for, with what orders it: all that was done before comes before each call, and each call
// before the work's end. TBB sees to it, but inside of a library that ThreadSanitizer does not see into; so it is told
// here. Calls are not ordered among each other. Without ThreadSanitizer nothing is left of this.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace eligo {

template <class Work>
class HandOver {
 public:
  explicit HandOver(const Work& work) : work_(work) { release(this); }
  ~HandOver() { acquire(&done_); }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  template <class Index>
  void operator()(Index index) const {
    acquire(this);
    work_(index);
    release(&done_);
  }

 private:
#ifdef __SANITIZE_THREAD__
  static void acquire(const void* place) { __tsan_acquire(const_cast<void*>(place)); }
  static void release(const void* place) { __tsan_release(const_cast<void*>(place)); }
#else
  static void acquire(const void*) {}
  static void release(const void*) {}
#endif

  const Work& work_;
  char done_ = 0;
};

}  // namespace eligo
