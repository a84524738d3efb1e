#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>

#include "bench/report.h"
#include "runtime/plot/canvas.h"
#include "support/error.h"

namespace eligo::bench {
namespace {

struct Bar {
  std::string row, peer;
  double times = 0;
};

std::vector<Bar> bars_of(const Report& report) {
  std::vector<Bar> bars;
  for (const Row& r : report.rows)
    for (const PeerTiming& p : r.peers)
      if (const double times = r.times_faster(p.peer); times > 0) bars.push_back({r.workload.name, p.peer, times});
  return bars;
}

Colour colour_of(const std::string& peer) {
  static const std::map<std::string, Colour> colours = {{"eigen", {0.20, 0.45, 0.70}},
                                                        {"torch", {0.85, 0.40, 0.15}},
                                                        {"numpy", {0.25, 0.60, 0.35}},
                                                        {"numpy32", {0.50, 0.75, 0.50}},
                                                        {"jax", {0.55, 0.35, 0.65}}};
  const auto found = colours.find(peer);
  return found == colours.end() ? Colour{0.5, 0.5, 0.5} : found->second;
}

// Where a factor lies on the logarithmic axis.
class FactorAxis {
 public:
  FactorAxis(const std::vector<Bar>& bars, double left, double width) : left_(left), width_(width) {
    for (const Bar& b : bars) {
      low_ = std::min(low_, std::floor(std::log10(b.times)));
      high_ = std::max(high_, std::ceil(std::log10(b.times)));
    }
  }
  double at(double times) const { return left_ + width_ * (std::log10(times) - low_) / (high_ - low_); }
  std::vector<double> ticks() const {
    std::vector<double> all;
    for (double power = low_; power <= high_; ++power) all.push_back(std::pow(10.0, power));
    return all;
  }

 private:
  double left_, width_, low_ = 0, high_ = 1;
};

constexpr double kLine = 13, kTop = 40, kBars = 450, kRight = 80, kName = 10;

// Room for the longest name.
double left_of(const std::vector<Bar>& bars) {
  double longest = 0;
  for (const Bar& b : bars) longest = std::max(longest, text_width(b.row));
  return longest * kName + 24;
}

void draw(const std::vector<Bar>& bars, Canvas& canvas) {
  const double left = left_of(bars);
  const FactorAxis axis(bars, left, kBars);
  const double bottom = kTop + kLine * static_cast<double>(bars.size()) + 6;
  canvas.text({left + kBars / 2, 20}, "how many times faster eligo is", 13, Anchor::middle);
  for (const double tick : axis.ticks()) {
    canvas.line({{axis.at(tick), kTop - 8}, {axis.at(tick), bottom}}, {{0.75, 0.75, 0.75}, tick == 1 ? 1.5 : 0.5});
    canvas.text({axis.at(tick), bottom + 14}, fmt::format("{:g}", tick), 10, Anchor::middle);
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = kTop + kLine * static_cast<double>(i);
    if (i == 0 || bars[i].row != bars[i - 1].row) canvas.text({left - 8, y + 3}, bars[i].row, kName, Anchor::end);
    canvas.line({{axis.at(1), y}, {axis.at(bars[i].times), y}}, {colour_of(bars[i].peer), 8});
    const std::string label =
        fmt::format(fmt::runtime(bars[i].times < 10 ? "{:.1f} {}" : "{:.0f} {}"), bars[i].times, bars[i].peer);
    canvas.text({std::max(axis.at(1), axis.at(bars[i].times)) + 5, y + 3}, label, 9, Anchor::start);
  }
}

}  // namespace

void write_picture(const Report& report, const std::string& path) {
  const std::vector<Bar> bars = bars_of(report);
  const double height = kTop + kLine * static_cast<double>(bars.size()) + 40;
  const double width = left_of(bars) + kBars + kRight;
  const bool svg = path.ends_with(".svg");
  const std::unique_ptr<Canvas> canvas = svg ? svg_canvas(width, height) : png_canvas(width, height, 2);
  draw(bars, *canvas);
  std::ofstream out(path, std::ios::binary);
  out << canvas->bytes();
  out.close();
  if (!out) throw Error(path + " cannot be written");
}

}  // namespace eligo::bench
