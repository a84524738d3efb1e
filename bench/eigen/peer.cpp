// Eigen beside eligo: what a careful engineer would write by hand. What it speaks is in protocol/protocol.py.
#include <fmt/core.h>

#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/eigen/rules.h"
#include "runtime/machine/timing.h"
#include "support/denormals.h"

namespace eligo::bench::eigen {
namespace {

using nlohmann::json;

struct Skip {
  std::string why;
};

class Work {
 public:
  virtual ~Work() = default;
  virtual void call() = 0;
  virtual json check(const json& the_case) = 0;
};

template <class R>
void read(const json& from, std::vector<R>& into) {
  if (!from.is_array()) into.push_back(from.get<R>());
  else
    for (const json& part : from) read(part, into);
}

// Numbers in rows into a matrix that is stored by columns.
template <class R>
Mat<R> rows_of(const json& from, Index rows) {
  std::vector<R> flat;
  read(from, flat);
  using Rows = Eigen::Matrix<R, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const Rows>(flat.data(), rows, static_cast<Index>(flat.size()) / rows);
}

template <class R>
json flat_rows(const Mat<R>& m) {
  json all = json::array();
  for (Index i = 0; i < m.rows(); ++i)
    for (Index j = 0; j < m.cols(); ++j) all.push_back(-static_cast<double>(m(i, j)));
  return all;
}

template <class R, class T>
class Trained : public Work {
 public:
  explicit Trained(std::unique_ptr<T> trainer) : trainer_(std::move(trainer)) {}
  void call() override { trainer_->call(); }

  json check(const json& c) override {
    T& t = *trainer_;
    const json& values = c.at("values");
    for (auto& [name, p] : t.parameters()) {
      const std::string role = name.starts_with("ψ") ? "net." : name.starts_with("φ") ? "L." : "g.";
      p->value = rows_of<R>(values.at(role + name.substr(name.find('.') + 1)), p->value.rows());
    }
    const Index n = t.shape.n, B = t.shape.batch;
    Index at = 0;
    for (const std::string& state : t.net.state_names())
      t.net.S.block(n * at++, 0, n, B) = rows_of<R>(values.at("net." + state + "[start]"), B).transpose();
    t.x = rows_of<R>(c.at("x"), B * t.shape.steps).transpose();
    t.y = rows_of<R>(c.at("y"), B * t.shape.steps).transpose();
    t.mask = rows_of<R>(c.at("loss_mask"), 1);
    t.gathered();
    json learn;
    for (auto& [name, p] : t.parameters()) learn[name] = flat_rows<R>(p->gradient);
    return {{"learn", learn}};
  }

 private:
  std::unique_ptr<T> trainer_;
};

template <class R>
R hyper(const json& w, const char* name, const char* greek, R otherwise) {
  const json& all = w.at("hyper");
  return all.contains(name) ? all[name].get<R>() : all.contains(greek) ? all[greek].get<R>() : otherwise;
}

template <class R, class Net>
std::unique_ptr<Work> build_on(const json& w, Loss loss) {
  const json& sizes = w.at("sizes");
  const Shape<R> shape = {sizes.at("n"), sizes.at("m"), w.at("batch"), w.at("T")};
  const Index outputs = sizes.at("k");
  const bool last = w.at("loss") == "last";
  if (w.at("rule") == "bptt") {
    if (w.at("header").value("n", -1) != -1) throw Skip{"windows only over all steps"};
    return std::make_unique<Trained<R, Bptt<R, Net>>>(std::make_unique<Bptt<R, Net>>(shape, outputs, loss, last));
  }
  if (w.at("synth") != "linear") throw Skip{"only the linear synthesiser"};
  const Hypers<R> h = {hyper<R>(w, "lambda", "λ", 1), hyper<R>(w, "gamma", "γ", R(0.9)), hyper<R>(w, "kappa", "κ", 1)};
  const bool dense = w.at("schedule").value("e", "") == "dense";
  return std::make_unique<Trained<R, BpLambda<R, Net>>>(
      std::make_unique<BpLambda<R, Net>>(shape, outputs, loss, last, h, dense));
}

template <class R>
std::unique_ptr<Work> build_in(const json& w) {
  static const std::map<std::string, Loss> losses = {
      {"linear_mse", Loss::mse}, {"linear_softmax", Loss::softmax}, {"linear_bernoulli", Loss::bernoulli}};
  const std::string rule = w.at("rule"), cell = w.at("cell"), readout = w.at("readout");
  if (rule != "bptt" && rule != "bp_lambda") throw Skip{"no rule " + rule + " in Eigen here"};
  if (w.at("update") != "sequence" || w.at("online").get<bool>()) throw Skip{"updates only at the end of a sequence"};
  if (w.at("threads") != 1) throw Skip{"one thread"};
  const auto loss = losses.find(readout);
  if (loss == losses.end()) throw Skip{"no readout " + readout + " here"};
  if (cell == "rnn_tanh") return build_on<R, TanhRnn<R>>(w, loss->second);
  if (cell == "lstm") return build_on<R, Lstm<R>>(w, loss->second);
  throw Skip{"no cell " + cell + " in Eigen here"};
}

std::unique_ptr<Work> build(const json& w) { return w.at("dtype") == "f64" ? build_in<double>(w) : build_in<float>(w); }

// A case of `eligo eval` as a workload.
json workload_of(const json& c) {
  json w = {{"update", "sequence"}, {"online", false}, {"threads", 1}, {"loss", "every"}, {"header", json::object()}};
  for (const char* name : {"rule", "cell", "readout", "synth"}) w[name] = c.value(name, "");
  w["sizes"] = c.at("sizes");
  w["schedule"] = c.value("schedule", json::object());
  w["hyper"] = c.value("hyper", json::object());
  w["dtype"] = c.value("dtype", "f64");
  w["batch"] = c.at("x").at(0).size(), w["T"] = c.at("x").size();
  return w;
}

class Server {
 public:
  json answer(const json& request) {
    const std::string what = request.at("do");
    if (what == "hello")
      return {{"peer", "eigen"}, {"versions", {{"Eigen", version()}, {"vectors", Eigen::SimdInstructionSetsInUse()}}}};
    if (what == "prepare") {
      sampler_.reset();
      work_ = build(request.at("workload"));
      const bool alone = request.at("workload").at("threads") == 1;
      sampler_ = std::make_unique<Sampler>([this] { work_->call(); }, alone ? Clock::processor : Clock::wall);
      return {{"ok", true}};
    }
    if (what == "check") return build(workload_of(request.at("case")))->check(request.at("case"));
    if (what != "time" || !sampler_) return {{"error", "a peer does not " + what}};
    const std::size_t before = sampler_->samples().size();
    sampler_->round(request.at("seconds"));
    return {{"samples", std::vector<double>(sampler_->samples().begin() + static_cast<std::ptrdiff_t>(before),
                                            sampler_->samples().end())}};
  }

 private:
  static std::string version() {
    return fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
  }

  std::unique_ptr<Work> work_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace
}  // namespace eligo::bench::eigen

int main() {
  using namespace eligo::bench::eigen;  // NOLINT
  const eligo::FlushDenormals flush;
  Server server;
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::json reply;
    try {
      reply = server.answer(nlohmann::json::parse(line));
    } catch (const Skip& skip) {
      reply = {{"skip", skip.why}};
    } catch (const std::exception& e) {
      reply = {{"error", e.what()}};
    }
    std::cout << reply.dump() << std::endl;
  }
}
