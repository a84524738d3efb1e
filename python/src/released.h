// Work without the interpreter's lock, also while the interpreter ends.
#pragma once

#include <nanobind/nanobind.h>

namespace eligo::python {

// Releases the lock while it lives. An interpreter that ends takes threads that ask for its lock apart, in the middle of
// whatever C++ is below: so it waits for those that are here, and no more get in. Throws eligo::Error then.
class Released {
 public:
  Released();
  ~Released();
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;

 private:
  PyThreadState* state_;
};

// Called when the interpreter begins to end; from then on long work is to stop where it can.
void wait_for_released();
bool ending();

// Whether Ctrl-C was pressed (kept in `pressed`), or the interpreter ends: asked by long work, of any thread inside.
bool interrupted(bool& pressed);

}  // namespace eligo::python
