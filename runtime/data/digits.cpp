#include "runtime/data/digits.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "support/random.h"

namespace eligo {
namespace {

constexpr int kSize = 28;

struct Point {
  double x = 0, y = 0;
};

// A stroke of the pen: through its points on a smooth curve, or from point to point in straight lines.
struct Stroke {
  bool smooth = false;
  std::vector<Point> points;  // in the unit square, y downwards
};

const std::array<std::vector<Stroke>, 10>& digit_strokes() {
  static const std::array<std::vector<Stroke>, 10> strokes = {{
      {{true, {{.5, .08}, {.26, .26}, {.23, .7}, {.5, .92}, {.76, .7}, {.76, .28}, {.5, .08}}}},
      {{false, {{.35, .27}, {.55, .08}, {.55, .92}}}},
      {{true, {{.25, .28}, {.38, .1}, {.65, .1}, {.75, .3}, {.6, .55}, {.25, .9}}}, {false, {{.25, .9}, {.78, .9}}}},
      {{true, {{.27, .15}, {.5, .07}, {.72, .22}, {.63, .42}, {.45, .47}}},
       {true, {{.45, .47}, {.7, .55}, {.75, .75}, {.55, .92}, {.25, .85}}}},
      {{false, {{.6, .08}, {.2, .62}, {.8, .62}}}, {false, {{.62, .3}, {.62, .93}}}},
      {{false, {{.72, .1}, {.32, .1}, {.3, .45}}},
       {true, {{.3, .45}, {.55, .4}, {.75, .6}, {.65, .86}, {.4, .93}, {.24, .84}}}},
      {{true, {{.68, .1}, {.4, .28}, {.25, .6}, {.35, .88}, {.6, .9}, {.74, .7}, {.6, .52}, {.36, .56}, {.26, .7}}}},
      {{false, {{.22, .1}, {.78, .1}, {.42, .92}}}},
      {{true,
        {{.5, .48},
         {.29, .32},
         {.42, .09},
         {.63, .12},
         {.7, .32},
         {.5, .48},
         {.28, .68},
         {.35, .9},
         {.65, .9},
         {.74, .7},
         {.5, .48}}}},
      {{true, {{.72, .3}, {.55, .08}, {.3, .2}, {.3, .42}, {.55, .5}, {.72, .3}}},
       {true, {{.72, .3}, {.7, .65}, {.55, .92}}}},
  }};
  return strokes;
}

// How one image bends, turns and shifts the strokes; all draws come from the image's own key.
class Pen {
 public:
  explicit Pen(const Key& key) : key_(key) {
    const double turn = 0.12 * normal(key_, next_++), shear = 0.18 * normal(key_, next_++);
    const double width = 20 * uniform(key_, next_++, 0.75, 1.1), height = 20 * uniform(key_, next_++, 0.85, 1.08);
    xx_ = width * std::cos(turn);
    xy_ = -height * (std::sin(turn) + shear);
    yx_ = width * std::sin(turn);
    yy_ = height * std::cos(turn);
    x0_ = kSize / 2.0 + uniform(key_, next_++, -2, 2);
    y0_ = kSize / 2.0 + uniform(key_, next_++, -2, 2);
    radius = uniform(key_, next_++, 0.8, 1.7);
    ink = uniform(key_, next_++, 200, 255);
  }

  Point place(Point p) {
    const double x = p.x - 0.5 + 0.025 * normal(key_, next_++), y = p.y - 0.5 + 0.025 * normal(key_, next_++);
    return {x0_ + xx_ * x + xy_ * y, y0_ + yx_ * x + yy_ * y};
  }
  double noise() { return normal(key_, next_++); }

  double radius = 1, ink = 255;

 private:
  Key key_;
  std::uint64_t next_ = 0;
  double xx_ = 0, xy_ = 0, yx_ = 0, yy_ = 0, x0_ = 0, y0_ = 0;
};

// The curve of Catmull and Rom through the points, as short straight pieces.
std::vector<Point> smoothed(const std::vector<Point>& p) {
  constexpr int kPieces = 5;
  std::vector<Point> line;
  const auto at = [&](std::ptrdiff_t i) {
    return p[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i, 0, static_cast<std::ptrdiff_t>(p.size()) - 1))];
  };
  for (std::ptrdiff_t i = 0; i + 1 < static_cast<std::ptrdiff_t>(p.size()); ++i) {
    const Point a = at(i - 1), b = at(i), c = at(i + 1), d = at(i + 2);
    const auto blend = [](double a_, double b_, double c_, double d_, double u) {
      return b_ + 0.5 * u * (c_ - a_ + u * (2 * a_ - 5 * b_ + 4 * c_ - d_ + u * (3 * (b_ - c_) + d_ - a_)));
    };
    for (int k = 0; k < kPieces; ++k) {
      const double u = static_cast<double>(k) / kPieces;
      line.push_back({blend(a.x, b.x, c.x, d.x, u), blend(a.y, b.y, c.y, d.y, u)});
    }
  }
  line.push_back(p.back());
  return line;
}

using Distances = std::array<double, kSize * kSize>;

// Lowers each pixel's distance to the ink by one straight piece; only pixels within `reach` of it matter.
void add_piece(Point a, Point b, double reach, Distances& distances) {
  const auto low = [&](double u, double v) {
    return std::max(0, static_cast<int>(std::floor(std::min(u, v) - reach)));
  };
  const auto high = [&](double u, double v) {
    return std::min(kSize - 1, static_cast<int>(std::ceil(std::max(u, v) + reach)));
  };
  const double dx = b.x - a.x, dy = b.y - a.y, length2 = std::max(dx * dx + dy * dy, 1e-12);
  for (int row = low(a.y, b.y); row <= high(a.y, b.y); ++row) {
    for (int column = low(a.x, b.x); column <= high(a.x, b.x); ++column) {
      const double x = column + 0.5 - a.x, y = row + 0.5 - a.y;
      const double along = std::clamp((x * dx + y * dy) / length2, 0.0, 1.0);
      const double distance = std::hypot(x - along * dx, y - along * dy);
      double& nearest = distances[static_cast<std::size_t>(row * kSize + column)];
      nearest = std::min(nearest, distance);
    }
  }
}

void draw_digit(int digit, const Key& key, std::uint8_t* pixels) {
  Pen pen(key);
  Distances distances;
  distances.fill(1e9);
  for (const auto& stroke : digit_strokes()[static_cast<std::size_t>(digit)]) {
    std::vector<Point> line;
    for (const Point p : stroke.points) line.push_back(pen.place(p));
    if (stroke.smooth) line = smoothed(line);
    for (std::size_t i = 0; i + 1 < line.size(); ++i) add_piece(line[i], line[i + 1], pen.radius + 1, distances);
  }
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const double cover = std::clamp(pen.radius + 0.5 - distances[i], 0.0, 1.0);
    double value = pen.ink * cover;
    if (cover > 0) value += 12 * pen.noise();  // uneven ink; the background stays clean
    pixels[i] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
  }
}

}  // namespace

ImageSet draw_digits(std::uint64_t seed, const char* purpose, std::uint64_t count) {
  ImageSet set{count, kSize, kSize, {}, {}};
  set.pixels.resize(count * kSize * kSize);
  set.labels.resize(count);
  const Key labels = make_key(seed, std::string(purpose) + " labels");
  for (std::uint64_t i = 0; i < count; ++i) {
    set.labels[i] = static_cast<std::uint8_t>(integer(labels, i, 10));
    draw_digit(set.labels[i], make_key(seed, purpose, 0, i), set.pixels.data() + i * kSize * kSize);
  }
  return set;
}

ImageData drawn_digits(std::uint64_t seed, std::uint64_t train, std::uint64_t test) {
  ImageData data{draw_digits(seed, "drawn digits, train", train), draw_digits(seed, "drawn digits, test", test), ""};
  data.origin = fmt::format("{} + {} digits drawn by the program, not MNIST (give the folder of its files with --data)",
                            train, test);
  return data;
}

}  // namespace eligo
