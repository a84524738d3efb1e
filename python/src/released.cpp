#include "python/src/released.h"

#include <condition_variable>
#include <mutex>

#include "support/error.h"

namespace eligo::python {
namespace {

struct Inside {
  std::mutex mutex;
  std::condition_variable left;
  int count = 0;
  bool ending = false;
};

// Never destroyed: threads may outlive what is destroyed at exit.
Inside& inside() {
  static Inside* const all = new Inside;
  return *all;
}

}  // namespace

Released::Released() {
  {
    const std::lock_guard lock(inside().mutex);
    if (inside().ending) throw Error("the interpreter is ending");
    ++inside().count;
  }
  state_ = PyEval_SaveThread();
}

Released::~Released() {
  PyEval_RestoreThread(state_);
  const std::lock_guard lock(inside().mutex);
  --inside().count;
  inside().left.notify_all();
}

bool ending() {
  const std::lock_guard lock(inside().mutex);
  return inside().ending;
}

bool interrupted(bool& pressed) {
  if (ending()) return true;
  const nanobind::gil_scoped_acquire held;
  if (PyErr_CheckSignals() != 0) {
    PyErr_Clear();
    pressed = true;
  }
  return pressed;
}

void wait_for_released() {
  PyThreadState* const state = PyEval_SaveThread();
  {
    std::unique_lock lock(inside().mutex);
    inside().ending = true;
    inside().left.wait(lock, [] { return inside().count == 0; });
  }
  PyEval_RestoreThread(state);
}

}  // namespace eligo::python
