#include "runtime/plot/picture.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "runtime/plot/band.h"
#include "support/files.h"
#include "support/utf8.h"

namespace eligo {
namespace {

constexpr double kPanelWidth = 700, kLoneWidth = 900, kHeight = 520, kTextSize = 13, kLabelGap = 18;
constexpr std::size_t kMostPoints = 1500;  // of a line; more are averaged
constexpr double kLongestLabel = 18;       // in units of the text's size; longer ones are cut

// Colours that most people can tell apart, also on paper and with a colour blindness; none is too light for words.
constexpr std::array<Colour, 10> kColours = {{{0.00, 0.45, 0.70},
                                              {0.84, 0.37, 0.00},
                                              {0.00, 0.58, 0.42},
                                              {0.79, 0.36, 0.60},
                                              {0.10, 0.10, 0.10},
                                              {0.70, 0.52, 0.00},
                                              {0.20, 0.65, 0.83},
                                              {0.45, 0.23, 0.65},
                                              {0.55, 0.18, 0.15},
                                              {0.45, 0.55, 0.10}}};

std::vector<Point> finite(const std::vector<Point>& line, bool positive) {
  std::vector<Point> kept;
  for (const Point p : line) {
    if (std::isfinite(p.x) && std::isfinite(p.y) && (!positive || p.y > 0)) kept.push_back(p);
  }
  return kept;
}

// Cut behind a character, with an ellipsis, so that no name takes the room of the curves.
std::string label_of(const std::string& name) {
  if (text_width(name) <= kLongestLabel) return name;
  std::string kept;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = std::max<std::uint32_t>(1, dsl::decode(name, i).length);
    const std::string more = kept + name.substr(i, length);
    if (text_width(more + "…") > kLongestLabel) break;
    kept = more;
    i += length;
  }
  return kept + "…";
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
  Range x, all, positive;
  find_ranges(figure, false, x, all);
  find_ranges(figure, true, x, positive);
  return !positive.empty() && all.low >= 0 && positive.high / positive.low > 20;
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
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  // Ticks have four digits, and what differs in its last bits is the same to a reader.
  if (range.high - range.low <= size * 1e-3) room = size == 0 ? 1 : size * 0.1;
  range = {range.low - room, range.high + room};
}

class Plot {
 public:
  Plot(const Figure& figure, Canvas& canvas, double left, double width, double height)
      : figure_(figure), canvas_(canvas), logarithmic_(wants_logarithm(figure)) {
    find_ranges(figure, logarithmic_, x_, y_);
    widen(x_, false, 0.0);
    widen(y_, logarithmic_, 0.04);
    double labels = 0;
    for (const auto& curve : figure.curves) labels = std::max(labels, text_width(label_of(curve.name)) * kTextSize);
    left_ = left + 78;
    right_ = std::max(left_ + 100, left + width - labels - 74);
    top_ = 46;
    bottom_ = height - 58;
  }

  void draw() {
    axes();
    for (std::size_t i = figure_.curves.size(); i-- > 0;) curve(figure_.curves[i], curve_pen(i));
    labels();
  }

 private:
  Point place(Point p) const {
    const double along = (p.x - x_.low) / (x_.high - x_.low);
    if (logarithmic_) p.y = std::max(p.y, y_.low);  // a loss of 0 lies on the axis
    const double up =
        logarithmic_ ? std::log(p.y / y_.low) / std::log(y_.high / y_.low) : (p.y - y_.low) / (y_.high - y_.low);
    return {left_ + along * (right_ - left_), bottom_ - up * (bottom_ - top_)};
  }

  void axes() {
    const Pen grid{{0.88, 0.88, 0.88}, 0.8}, dark{{0.2, 0.2, 0.2}, 1.2};
    for (const double value : linear_ticks(x_.low, x_.high, 8)) {
      const double x = place({value, y_.low}).x;
      canvas_.line({{x, top_}, {x, bottom_}}, grid);
      canvas_.text({x, bottom_ + 20}, fmt::format("{:.6g}", value), kTextSize, Anchor::middle);
    }
    for (const double value : logarithmic_ ? logarithmic_ticks(y_.low, y_.high) : linear_ticks(y_.low, y_.high, 6)) {
      const double y = place({x_.low, value}).y;
      canvas_.line({{left_, y}, {right_, y}}, grid);
      canvas_.text({left_ - 8, y + kTextSize * 0.35}, fmt::format("{:.4g}", value), kTextSize, Anchor::end);
    }
    canvas_.line({{left_, top_}, {left_, bottom_}, {right_, bottom_}}, dark);
    canvas_.text({(left_ + right_) / 2, 26}, figure_.title, kTextSize + 3, Anchor::middle);
    canvas_.text({left_, bottom_ + 44}, figure_.x_label, kTextSize, Anchor::start);
    canvas_.text({right_, bottom_ + 44}, band_note(), kTextSize - 2, Anchor::end, {0.4, 0.4, 0.4});
    canvas_.text({left_ - 58, (top_ + bottom_) / 2}, figure_.y_label, kTextSize, Anchor::middle, kInk, true);
  }

  void curve(const Curve& curve, Pen pen) {
    std::vector<std::vector<Point>> lines;
    for (const auto& line : curve.lines) {
      lines.push_back(finite(line, false));
      if (lines.back().empty()) lines.pop_back();
    }
    if (lines.empty()) return;
    const Band band = thinned(band_of(lines), kMostPoints);
    const double reached = band.empty() ? -std::numeric_limits<double>::infinity() : band.back().x;
    if (lines.size() > 1) {
      error_band(band, pen.colour);
      for (const auto& line : lines) rest(line, reached, pen);
    }
    std::vector<Point> mean;
    for (const BandPoint& p : band) mean.push_back({p.x, p.mean});
    polyline(mean, pen);
  }

  // What is not said elsewhere: a band without a name may be anything.
  std::string band_note() const {
    std::size_t seeds = 0;
    for (const auto& curve : figure_.curves) seeds = std::max(seeds, curve.lines.size());
    return seeds < 2 ? "" : fmt::format("mean of {} seeds ± its standard error", seeds);
  }

  // The mean and one standard error to each side, as far as the axis goes.
  void error_band(const Band& band, Colour colour) {
    std::vector<Point> outline;
    for (const BandPoint& p : band) outline.push_back(place({p.x, std::min(p.mean + p.error, y_.high)}));
    for (std::size_t i = band.size(); i-- > 0;)
      outline.push_back(place({band[i].x, std::max(band[i].mean - band[i].error, y_.low)}));
    if (band.size() > 1) canvas_.area(outline, colour, figure_.curves.size() > 4 ? 0.1 : 0.18);
  }

  // What a single line has beyond the last point that all have.
  void rest(const std::vector<Point>& line, double reached, Pen pen) {
    std::vector<Point> beyond;
    for (const Point p : thinned(line, kMostPoints))
      if (p.x >= reached) beyond.push_back(p);
    pen.width = 1;
    pen.opacity = 0.45;
    if (beyond.size() > 1) polyline(beyond, pen);
  }

  void polyline(const std::vector<Point>& line, const Pen& pen) {
    std::vector<Point> points;
    for (const Point p : line) points.push_back(place(p));
    if (!points.empty()) canvas_.line(points, pen);
  }

  // Where a curve ends: the mean of its lines' last points; nothing where it has none.
  std::optional<Point> end_of(const Curve& curve) const {
    const Band band = band_of(curve.lines);
    if (band.empty()) return std::nullopt;
    return place({band.back().x, band.back().mean});
  }

  // Names beside the ends of their curves, with a piece of the line, so that the curve is told by its dashes too.
  void labels() {
    std::vector<std::optional<Point>> ends;
    std::vector<double> wanted;
    for (const auto& curve : figure_.curves) {
      ends.push_back(end_of(curve));
      wanted.push_back(ends.back() ? ends.back()->y : bottom_);
    }
    const auto places = spread_out(wanted, kLabelGap, top_ + 4, bottom_ - 2);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Pen pen = curve_pen(i);
      const double y = places[i], x = right_ + 16;
      if (ends[i])
        canvas_.line({*ends[i], {std::max(ends[i]->x, right_), ends[i]->y}, {x, y}}, {pen.colour, 0.8, 0.45});
      canvas_.line({{x, y}, {x + 30, y}}, {pen.colour, 2.4, 1, pen.dash});
      const std::string missing = ends[i] ? "" : " (none yet)";
      canvas_.text({x + 36, y + kTextSize * 0.35}, label_of(figure_.curves[i].name) + missing, kTextSize, Anchor::start,
                   pen.colour);
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
  if (!(step > std::max(std::abs(low), std::abs(high)) * 1e-12)) return {low};  // counting would not move
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

Pen curve_pen(std::size_t index) {
  static const std::array<std::vector<double>, 4> dashes = {{{}, {7, 4}, {2, 3}, {11, 3, 2, 3}}};
  return {kColours[index % kColours.size()], 2, 1, dashes[(index / 5 + index / 20) % dashes.size()]};
}

// Neighbours that would overlap become a block around the mean of where they want to be; blocks that then overlap are
// joined.
std::vector<double> spread_out(const std::vector<double>& wanted, double gap, double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  struct Block {
    double sum = 0;  // of where its labels want its first one to be
    std::size_t count = 0;
  };
  const auto first_of = [&](const Block& block) {
    const double room = static_cast<double>(block.count - 1) * gap;
    return std::max(low, std::min(block.sum / static_cast<double>(block.count), high - room));
  };
  std::vector<Block> blocks;
  for (const std::size_t i : order) {
    blocks.push_back({wanted[i], 1});
    while (blocks.size() > 1) {
      Block &last = blocks.back(), &before = blocks[blocks.size() - 2];
      const double length = static_cast<double>(before.count) * gap;
      if (first_of(before) + length <= first_of(last)) break;
      before = {before.sum + last.sum - length * static_cast<double>(last.count), before.count + last.count};
      blocks.pop_back();
    }
  }
  std::vector<double> places(wanted.size());
  std::size_t at = 0;
  for (const Block& block : blocks)
    for (std::size_t k = 0; k < block.count; ++k) places[order[at++]] = first_of(block) + static_cast<double>(k) * gap;
  return places;
}

void draw(const Figure& figure, Canvas& canvas, double width, double height) {
  Plot(figure, canvas, 0, width, height).draw();
}

void write_pictures(const std::vector<Figure>& figures, const std::string& svg_path, const std::string& png_path) {
  std::size_t most = 0;
  for (const Figure& figure : figures) most = std::max(most, figure.curves.size());
  const double height = std::max(kHeight, 110 + kLabelGap * static_cast<double>(most));
  const double panel = figures.size() > 1 ? kPanelWidth : kLoneWidth;
  const double width = panel * static_cast<double>(std::max<std::size_t>(1, figures.size()));
  const auto svg = svg_canvas(width, height), png = png_canvas(width, height, 2);
  for (std::size_t i = 0; i < figures.size(); ++i)
    for (Canvas* canvas : {svg.get(), png.get()})
      Plot(figures[i], *canvas, panel * static_cast<double>(i), panel, height).draw();
  write_file_atomically(svg_path, svg->bytes());
  write_file_atomically(png_path, png->bytes());
}

}  // namespace eligo
