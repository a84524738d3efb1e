// Sessions: batches from arrays where they lie, parameters as views.
#include <fmt/format.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <mutex>

#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/programs.h"
#include "python/src/released.h"
#include "runtime/engine/session.h"
#include "support/error.h"

namespace nb = nanobind;

namespace eligo::python {
namespace {

// A session is one thread's at a time: while kernels run, others hold the interpreter.
class PySession {
 public:
  PySession(const PyProgram& program, std::int64_t batch, std::int64_t steps, std::uint64_t seed, int threads,
            std::uint64_t memory)
      : program_(program.program),
        inputs_(program.inputs),
        targets_(program.targets),
        batch_(batch),
        session_(program.program, {.batch = batch, .steps = steps, .seed = seed, .threads = threads, .memory = memory}) {}

  // Reads what the caller gave, then runs `work` without the interpreter's lock.
  template <class Read, class Work>
  auto alone(const Read& read, const Work& work) {
    const std::unique_lock lock = mine();
    read();
    const Released released;
    return work(session_);
  }
  // For what takes no time, with the interpreter's lock.
  template <class Work>
  auto briefly(const Work& work) {
    const std::unique_lock lock = mine();
    return work(session_);
  }

  RunResult run(const Array& x, const std::optional<Array>& y, const std::optional<Array>& mask,
                const std::optional<std::vector<std::int64_t>>& lengths, bool by_example, bool learn) {
    const Layout layout = by_example ? Layout::example_first : Layout::step_first;
    const SequenceArray inputs(x, "x", layout, inputs_);
    BatchView batch;
    batch.steps = inputs.steps;
    batch.examples = inputs.examples;
    batch.x = inputs.values;
    if (y) batch.y = matching(*y, "y", layout, targets_, inputs);
    if (mask) batch.loss_mask = matching(*mask, "mask", layout, 1, inputs);
    if (lengths) {
      if (static_cast<std::int64_t>(lengths->size()) != inputs.examples)
        throw nb::value_error(
            fmt::format("lengths has {} entries; there are {} examples", lengths->size(), inputs.examples).c_str());
      batch.lengths = *lengths;
    }
    return alone([] {}, [&](Session& session) {
      const std::uint64_t before = session.sequence();
      const RunResult result = session.run(batch, learn);
      if (!learn) session.set_sequence(before);  // a look at the net draws no numbers of the training
      return result;
    });
  }

  double step(const Array& x, const Array& y) {
    return alone([&] {
      read_step(x, "x", batch_, inputs_, x_);
      read_step(y, "y", batch_, targets_, y_);
    }, [&](Session& session) { return session.step(x_, y_).loss; });
  }

  nb::object forward(const Array& x, bool learning) {
    std::vector<double> out = alone([&] { read_step(x, "x", batch_, inputs_, x_); },
                                    [&](Session& session) { return session.forward(x_, learning); });
    const auto examples = static_cast<std::size_t>(batch_), outputs = out.size() / examples;
    return numpy_array(std::move(out), {examples, outputs});
  }

  double learn(const std::optional<Array>& y, const std::optional<Array>& mask) {
    return alone([&] {
      y_.clear();
      mask_.clear();
      if (y) read_step(*y, "y", batch_, targets_, y_);
      if (mask) read_step(*mask, "mask", batch_, 1, mask_);
    }, [&](Session& session) { return session.learn(y_, mask_).loss; });
  }

  // The values where they lie; `self` keeps the session alive as long as the array lives.
  nb::object view(nb::handle self, const std::string& name) {
    const TensorInfo& info = named(name);
    const Stored stored = session_.view(name);
    std::vector<std::size_t> shape(info.shape.begin(), info.shape.end());
    std::size_t size = 1;
    for (const std::size_t extent : shape) size *= extent;
    if (size != stored.count && size > 0) shape.insert(shape.begin(), stored.count / size);  // a copy for each step
    const nb::object owner = nb::borrow(self);
    switch (stored.type) {
      case Stored::Type::f32:
        return nb::cast(nb::ndarray<nb::numpy, const float>(stored.data, shape.size(), shape.data(), owner));
      case Stored::Type::f64:
        return nb::cast(nb::ndarray<nb::numpy, const double>(stored.data, shape.size(), shape.data(), owner));
      case Stored::Type::i32:
        return nb::cast(nb::ndarray<nb::numpy, const std::int32_t>(stored.data, shape.size(), shape.data(), owner));
    }
    return nb::none();
  }

  void set(const std::string& name, const nb::ndarray<nb::ro, nb::c_contig, double, nb::device::cpu>& values) {
    const std::span<const double> all(values.data(), values.size());
    briefly([&](Session& session) { session.set(name, all); });
  }

  // As `set`, also values that it would refuse, such as an optimiser's.
  void restore(const std::string& name, const nb::ndarray<nb::ro, nb::c_contig, double, nb::device::cpu>& values) {
    const std::span<const double> all(values.data(), values.size());
    briefly([&](Session& session) { session.restore(name, 0, all); });
  }

  const TensorInfo& named(const std::string& name) const {
    for (const TensorInfo& info : session_.tensors())
      if (info.name == name) return info;
    throw Error(fmt::format("there is no tensor {}; `tensors` lists them", name));
  }

  nb::object shown(const std::string& name) {
    return briefly([&](Session& session) {
      Session::Shown shown = session.shown(name);
      std::vector<std::size_t> shape = {static_cast<std::size_t>(shown.rows)};
      std::size_t size = shape[0];
      for (const auto extent : shown.shape) size *= static_cast<std::size_t>(extent);
      shape.push_back(size == 0 ? 0 : shown.values.size() / size);
      for (const auto extent : shown.shape) shape.push_back(static_cast<std::size_t>(extent));
      return numpy_array(std::move(shown.values), shape);
    });
  }

  nb::object gathered(const std::string& parameter) {
    return briefly([&](Session& session) {
      const TensorInfo& info = named(parameter);
      return numpy_array(session.gathered(parameter), {info.shape.begin(), info.shape.end()});
    });
  }

  Session& session() { return session_; }

 private:
  std::unique_lock<std::mutex> mine() {
    std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock) throw Error("this session is running in another thread; make a session for each thread");
    return lock;
  }

  // An array beside x, of the same steps and examples.
  static ValuesView matching(const Array& array, const char* what, Layout layout, std::int64_t channels,
                             const SequenceArray& x) {
    const SequenceArray read(array, what, layout, channels);
    if (read.steps != x.steps || read.examples != x.examples)
      throw nb::value_error(fmt::format("{} has shape {}, for {} steps of {} examples; x has {} steps of {}", what,
                                        shape_text(array), read.steps, read.examples, x.steps, x.examples).c_str());
    return read.values;
  }

  std::shared_ptr<const Program> program_;
  std::int64_t inputs_, targets_, batch_;
  Session session_;
  std::mutex busy_;
  std::vector<double> x_, y_, mask_;  // of a step
};

nb::list tensors_of(PySession& s) {
  nb::list all;
  for (const TensorInfo& info : s.session().tensors())
    all.append(nb::make_tuple(info.name, info.shape, info.parameter, info.bundle));
  return all;
}

}  // namespace

void bind_sessions(nb::module_& module) {
  nb::class_<RunResult>(module, "RunResult")
      .def_ro("loss", &RunResult::loss)
      .def_ro("loss_steps", &RunResult::loss_steps)
      .def_ro("left_out", &RunResult::left_out);
  nb::class_<PySession>(module, "Session")
      .def(nb::init<const PyProgram&, std::int64_t, std::int64_t, std::uint64_t, int, std::uint64_t>(),
           nb::call_guard<Released>())
      .def("run", &PySession::run, nb::arg("x"), nb::arg("y").none(), nb::arg("mask").none(), nb::arg("lengths").none(),
           nb::arg("by_example"), nb::arg("learn"),
           nb::sig("def run(self, x: object, y: object, mask: object, lengths: list[int] | None, by_example: bool, "
                   "learn: bool) -> RunResult"))
      .def("step", &PySession::step, nb::sig("def step(self, x: object, y: object) -> float"))
      .def("forward", &PySession::forward, nb::sig("def forward(self, x: object, learning: bool) -> object"))
      .def("learn", &PySession::learn, nb::arg("y").none(), nb::arg("mask").none(),
           nb::sig("def learn(self, y: object, mask: object) -> float"))
      .def("reset", [](PySession& s) { s.briefly([](Session& session) { session.reset(); }); })
      .def("reset_examples",
           [](PySession& s, const std::vector<std::int64_t>& which) {
             s.briefly([&](Session& session) { session.reset(which); });
           })
      .def("view", [](nb::handle self, const std::string& name) { return nb::cast<PySession&>(self).view(self, name); })
      .def("set", &PySession::set, nb::sig("def set(self, name: str, values: object) -> None"))
      .def("shown", &PySession::shown)
      .def("gathered", &PySession::gathered)
      .def("tensors", &tensors_of, nb::sig("def tensors(self) -> list[tuple[str, list[int], bool, str]]"))
      .def("set_hyper",
           [](PySession& s, const std::string& name, double value) {
             s.briefly([&](Session& session) { session.set_hyper(name, value); });
           })
      .def("hyper", [](PySession& s, const std::string& name) { return s.session().hyper(name); })
      .def("set_clip",
           [](PySession& s, double length, const std::string& bundle) {
             s.briefly([&](Session& session) { session.set_clip(length, bundle); });
           })
      .def("initialise", [](PySession& s) { s.briefly([](Session& session) { session.initialise(); }); })
      .def("restore", &PySession::restore, nb::sig("def restore(self, name: str, values: object) -> None"))
      .def_prop_rw(
          "sequence", [](PySession& s) { return s.session().sequence(); },
          [](PySession& s, std::uint64_t count) {
            s.briefly([&](Session& session) { session.set_sequence(count); });
          })
      .def_prop_ro("bytes", [](PySession& s) { return s.session().bytes(); });
}

}  // namespace eligo::python
