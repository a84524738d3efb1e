#include "runtime/plot/picture.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "support/files.h"

namespace eligo {
namespace {

constexpr double kWidth = 860, kHeight = 500, kTextSize = 13;
constexpr std::size_t kMostPoints = 1500;  // of a line; more are averaged

// Colours that most people can tell apart, then further hues.
Colour curve_colour(std::size_t index) {
  constexpr std::array<Colour, 8> distinct = {{{0.00, 0.45, 0.70},
                                               {0.84, 0.37, 0.00},
                                               {0.00, 0.62, 0.45},
                                               {0.80, 0.47, 0.65},
                                               {0.90, 0.62, 0.00},
                                               {0.34, 0.71, 0.91},
                                               {0.10, 0.10, 0.10},
                                               {0.50, 0.24, 0.55}}};
  if (index < distinct.size()) return distinct[index];
  const double hue = std::fmod(0.13 + 0.618034 * static_cast<double>(index), 1.0) * 6;
  const auto channel = [&](double shift) {
    const double k = std::fmod(shift + hue, 6.0);
    return 0.75 * (1 - std::clamp(std::min(k, 4 - k), 0.0, 1.0) * 0.85);
  };
  return {channel(5), channel(3), channel(1)};
}

std::vector<Point> finite(const std::vector<Point>& line, bool positive) {
  std::vector<Point> kept;
  for (const Point p : line) {
    if (std::isfinite(p.x) && std::isfinite(p.y) && (!positive || p.y > 0)) kept.push_back(p);
  }
  return kept;
}

// Averages neighbours so that a long run stays a small file.
std::vector<Point> thinned(const std::vector<Point>& line) {
  if (line.size() <= kMostPoints) return line;
  std::vector<Point> out;
  const std::size_t group = (line.size() + kMostPoints - 1) / kMostPoints;
  for (std::size_t begin = 0; begin < line.size(); begin += group) {
    const std::size_t end = std::min(begin + group, line.size());
    Point mean;
    for (std::size_t i = begin; i < end; ++i) {
      mean.x += line[i].x;
      mean.y += line[i].y;
    }
    const auto count = static_cast<double>(end - begin);
    out.push_back({mean.x / count, mean.y / count});
  }
  return out;
}

// The mean of the lines, as far as all of them reach.
std::vector<Point> mean_line(const std::vector<std::vector<Point>>& lines) {
  std::size_t length = std::numeric_limits<std::size_t>::max();
  for (const auto& line : lines) length = std::min(length, line.size());
  std::vector<Point> mean(length);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < length; ++i) {
      mean[i].x += line[i].x / static_cast<double>(lines.size());
      mean[i].y += line[i].y / static_cast<double>(lines.size());
    }
  }
  return mean;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void take(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

void find_ranges(const Figure& figure, bool positive, Range& x, Range& y) {
  for (const auto& curve : figure.curves) {
    for (const auto& line : curve.lines) {
      for (const Point p : finite(line, positive)) {
        x.take(p.x);
        y.take(p.y);
      }
    }
  }
}

bool wants_logarithm(const Figure& figure) {
  if (figure.scale != Scale::automatic) return figure.scale == Scale::logarithmic;
  Range x, y;
  find_ranges(figure, false, x, y);
  return !y.empty() && y.low > 0 && y.high / y.low > 20;
}

// Room around the data, and something to draw where there are none.
void widen(Range& range, bool logarithmic, double share) {
  if (range.empty()) range = logarithmic ? Range{0.1, 1} : Range{0, 1};
  if (logarithmic) {
    const double factor = std::max(1.05, std::pow(range.high / range.low, share));
    range = {range.low / factor, range.high * factor};
    return;
  }
  double room = (range.high - range.low) * share;
  if (range.high == range.low) room = range.high == 0 ? 1 : std::abs(range.high) * 0.1;
  range = {range.low - room, range.high + room};
}

class Plot {
 public:
  Plot(const Figure& figure, Canvas& canvas, double width, double height)
      : figure_(figure), canvas_(canvas), logarithmic_(wants_logarithm(figure)) {
    find_ranges(figure, logarithmic_, x_, y_);
    widen(x_, false, 0.0);
    widen(y_, logarithmic_, 0.04);
    double legend = 0;
    for (const auto& curve : figure.curves) legend = std::max(legend, text_width(curve.name) * kTextSize);
    left_ = 78;
    right_ = std::max(left_ + 100, width - legend - 60);
    top_ = 46;
    bottom_ = height - 58;
  }

  void draw() {
    axes();
    for (std::size_t i = 0; i < figure_.curves.size(); ++i) curve(figure_.curves[i], curve_colour(i));
    legend();
  }

 private:
  Point place(Point p) const {
    const double along = (p.x - x_.low) / (x_.high - x_.low);
    const double up =
        logarithmic_ ? std::log(p.y / y_.low) / std::log(y_.high / y_.low) : (p.y - y_.low) / (y_.high - y_.low);
    return {left_ + along * (right_ - left_), bottom_ - up * (bottom_ - top_)};
  }

  void axes() {
    const Colour grid{0.88, 0.88, 0.88}, dark{0.2, 0.2, 0.2};
    for (const double value : linear_ticks(x_.low, x_.high, 8)) {
      const double x = place({value, y_.low}).x;
      canvas_.line({{x, top_}, {x, bottom_}}, grid, 0.8);
      canvas_.text({x, bottom_ + 20}, fmt::format("{:.6g}", value), kTextSize, Anchor::middle);
    }
    for (const double value : logarithmic_ ? logarithmic_ticks(y_.low, y_.high) : linear_ticks(y_.low, y_.high, 6)) {
      const double y = place({x_.low, value}).y;
      canvas_.line({{left_, y}, {right_, y}}, grid, 0.8);
      canvas_.text({left_ - 8, y + kTextSize * 0.35}, fmt::format("{:.4g}", value), kTextSize, Anchor::end);
    }
    canvas_.line({{left_, top_}, {left_, bottom_}, {right_, bottom_}}, dark, 1.2);
    canvas_.text({(left_ + right_) / 2, 26}, figure_.title, kTextSize + 3, Anchor::middle);
    canvas_.text({(left_ + right_) / 2, bottom_ + 44}, figure_.x_label, kTextSize, Anchor::middle);
    canvas_.text({20, (top_ + bottom_) / 2}, figure_.y_label, kTextSize, Anchor::middle, true);
  }

  void curve(const Curve& curve, Colour colour) {
    std::vector<std::vector<Point>> lines;
    for (const auto& line : curve.lines) {
      lines.push_back(finite(line, logarithmic_));
      if (lines.back().empty()) lines.pop_back();
    }
    if (lines.empty()) return;
    if (lines.size() > 1) {
      for (const auto& line : lines) polyline(line, colour, 1, 0.3);
    }
    polyline(lines.size() > 1 ? mean_line(lines) : lines[0], colour, 2, 1);
  }

  void polyline(const std::vector<Point>& line, Colour colour, double width, double opacity) {
    std::vector<Point> points;
    for (const Point p : thinned(line)) points.push_back(place(p));
    canvas_.line(points, colour, width, opacity);
  }

  void legend() {
    double y = top_ + 12;
    for (std::size_t i = 0; i < figure_.curves.size(); ++i, y += 21) {
      canvas_.line({{right_ + 14, y - 4}, {right_ + 38, y - 4}}, curve_colour(i), 2.5);
      canvas_.text({right_ + 45, y}, figure_.curves[i].name, kTextSize, Anchor::start);
    }
  }

  const Figure& figure_;
  Canvas& canvas_;
  bool logarithmic_;
  Range x_, y_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
};

}  // namespace

std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double span = high - low;
  if (!(span > 0) || !std::isfinite(span)) return {low};
  const double raw = span / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  const double steps[] = {1, 2, 5, 10};
  const double step =
      power * *std::find_if(std::begin(steps), std::end(steps) - 1, [&](double s) { return s * power >= raw; });
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k)
    ticks.push_back(k == 0 ? 0 : k * step);
  return ticks;
}

std::vector<double> logarithmic_ticks(double low, double high) {
  std::vector<double> ticks;
  const double decades = std::log10(high / low);
  const int every = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int power = static_cast<int>(std::floor(std::log10(low))); std::pow(10.0, power) <= high; power += every) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, power);
      if ((factor == 1 || decades < 2.5) && value >= low && value <= high) ticks.push_back(value);
    }
  }
  return ticks.empty() ? std::vector<double>{low, high} : ticks;
}

void draw(const Figure& figure, Canvas& canvas, double width, double height) {
  Plot(figure, canvas, width, height).draw();
}

void write_pictures(const Figure& figure, const std::string& svg_path, const std::string& png_path) {
  const double needed = 110 + 21.0 * static_cast<double>(figure.curves.size());
  const double height = std::max(kHeight, needed);
  const auto svg = svg_canvas(kWidth, height);
  draw(figure, *svg, kWidth, height);
  write_file_atomically(svg_path, svg->bytes());
  const auto png = png_canvas(kWidth, height, 2);
  draw(figure, *png, kWidth, height);
  write_file_atomically(png_path, png->bytes());
}

}  // namespace eligo
