#include "runtime/kernels/roofline.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "runtime/plot/picture.h"
#include "support/files.h"

namespace eligo {
namespace {

constexpr double kLeft = 78, kRight = 700, kTop = 150, kBottom = 570;
constexpr double kText = 12;
constexpr std::size_t kMostNamed = 20;  // marks with a number and a name beside the picture

struct LogAxis {
  double low = 1, high = 10, from = 0, to = 1;
  double at(double v) const { return from + (to - from) * std::log(v / low) / std::log(high / low); }
};

// Whole powers of ten around all values.
LogAxis axis_of(std::vector<double> values, double from, double to) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  LogAxis axis{std::pow(10, std::floor(std::log10(*least))), std::pow(10, std::ceil(std::log10(*most))), from, to};
  if (axis.low == axis.high) axis.high *= 10;
  return axis;
}

std::vector<Point> circle(Point centre, double radius) {
  constexpr int corners = 32;
  std::vector<Point> outline;
  for (int i = 0; i < corners; ++i) {
    const double angle = 2 * M_PI * i / corners;
    outline.push_back({centre.x + radius * std::cos(angle), centre.y + radius * std::sin(angle)});
  }
  return outline;
}

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& b) const { return left < b.right && b.left < right && top < b.bottom && b.top < bottom; }
};

class RooflinePicture {
 public:
  RooflinePicture(const Roofline& r, Canvas& canvas) : r_(r), canvas_(canvas) {
    std::vector<double> xs = {0.1, 100}, ys = {peak() / 1e9};
    for (const RooflineMark& m : r.marks) xs.push_back(m.intensity), ys.push_back(m.rate / 1e9);
    for (const Level& level : r.machine.levels)
      if (level.rate > 0 && peak() > 0) xs.push_back(1.5 * peak() / level.rate);
    if (peak() <= 0) ys = {0.1, 1000};
    x_ = axis_of(xs, kLeft, kRight);
    ys.push_back(std::max(*std::max_element(ys.begin(), ys.end()) / 1e3, 1e-6));
    y_ = axis_of(ys, kBottom, kTop);
    rank_groups();
  }

  void draw() {
    canvas_.text({kLeft, 26}, cut(r_.title, kRooflineWidth - kLeft - 16, kText + 3), kText + 3, Anchor::start);
    if (r_.variants) key();
    axes();
    roofs();
    marks();
  }

 private:
  double peak() const { return r_.machine.peak(r_.float64); }
  Point place(double intensity, double rate) const { return {x_.at(intensity), y_.at(rate)}; }

  void axes() {
    const Pen grid{{0.9, 0.9, 0.9}, 0.8}, dark{{0.2, 0.2, 0.2}, 1.2};
    for (double v = x_.low; v <= x_.high * 1.001; v *= 10) {
      canvas_.line({{x_.at(v), kTop}, {x_.at(v), kBottom}}, grid);
      canvas_.text({x_.at(v), kBottom + 18}, fmt::format("{:g}", v), kText, Anchor::middle);
    }
    for (double v = y_.low; v <= y_.high * 1.001; v *= 10) {
      canvas_.line({{kLeft, y_.at(v)}, {kRight, y_.at(v)}}, grid);
      canvas_.text({kLeft - 8, y_.at(v) + 4}, fmt::format("{:g}", v), kText, Anchor::end);
    }
    canvas_.line({{kLeft, kTop}, {kLeft, kBottom}, {kRight, kBottom}}, dark);
    canvas_.text({(kLeft + kRight) / 2, kBottom + 42}, "operations a byte that is touched", kText, Anchor::middle);
    canvas_.text({24, (kTop + kBottom) / 2}, "GFLOP/s of one core", kText, Anchor::middle, kInk, true);
  }

  // The colours of what is compared, in columns below the title.
  void key() {
    constexpr std::size_t lines = 3;
    const double size = kText - 1, width = 330;
    for (std::size_t g = 0; g < r_.groups.size(); ++g) {
      const double x = kLeft + 4 + width * static_cast<double>(g / lines),
                   y = 46 + (size + 5) * static_cast<double>(g % lines);
      canvas_.area(circle({x, y - size * 0.36}, 4), colour({"", g, 0, 0, 0}), 0.8);
      canvas_.text({x + 12, y}, cut(r_.groups[g], width - 24, size), size, Anchor::start);
    }
  }

  // A slope for each level of the memory, up to the peak; its name stands above its end.
  void roofs() {
    if (peak() <= 0) return;
    const Pen pen{{0.45, 0.45, 0.45}, 1.4};
    std::vector<double> wanted;
    double nearest = 0;
    for (const Level& level : r_.machine.levels) {
      const double ridge = peak() / level.rate;
      wanted.push_back(x_.at(std::clamp(ridge, x_.low, x_.high)));
      nearest = nearest == 0 ? ridge : std::min(nearest, ridge);
      const double from = std::max(x_.low, y_.low * 1e9 / level.rate);
      canvas_.line({place(from, from * level.rate / 1e9), place(ridge, peak() / 1e9)}, pen);
    }
    canvas_.line({place(nearest, peak() / 1e9), place(x_.high, peak() / 1e9)}, pen);
    canvas_.text({kRight - 4, y_.at(peak() / 1e9) - 6}, fmt::format("peak {:.0f} GFLOP/s", peak() / 1e9), kText,
                 Anchor::end, kGrey);
    const std::vector<double> places = spread_out(wanted, kText + 3, kLeft + 8, kRight - 150);
    const double roof = y_.at(peak() / 1e9);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Level& level = r_.machine.levels[i];
      canvas_.line({{wanted[i], roof}, {places[i], roof - 10}}, {{0.7, 0.7, 0.7}, 0.8});
      canvas_.text({places[i] + 4, roof - 13}, fmt::format("{} {:.0f} GB/s", level.name, level.rate / 1e9), kText - 1,
                   Anchor::start, kGrey, true);
    }
  }

  // Groups by the time that they take; beyond those that colours tell apart they are grey.
  void rank_groups() {
    std::vector<double> shares(r_.groups.size());
    for (const RooflineMark& m : r_.marks) shares[m.group] += m.share;
    for (std::size_t g = 0; g < shares.size(); ++g)
      ranks_.push_back(static_cast<std::size_t>(
          std::count_if(shares.begin(), shares.end(), [&](double share) { return share > shares[g]; })));
  }
  Colour colour(const RooflineMark& m) const {
    constexpr std::size_t colours = 10;
    return ranks_[m.group] < colours ? curve_pen(ranks_[m.group]).colour : Colour{0.6, 0.6, 0.6};
  }

  static double radius(const RooflineMark& m) { return 3 + 9 * std::sqrt(std::clamp(m.share, 0.0, 1.0)); }

  // The largest first, so that small ones stay visible; numbers stand where nothing else does.
  void marks() {
    std::vector<std::size_t> order(r_.marks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return r_.marks[a].share > r_.marks[b].share; });
    for (const std::size_t i : order) {
      const RooflineMark& m = r_.marks[i];
      const Point at = place(m.intensity, m.rate / 1e9);
      canvas_.area(circle(at, radius(m)), colour(m), 0.55);
      std::vector<Point> rim = circle(at, radius(m));
      rim.push_back(rim.front());
      canvas_.line(rim, {colour(m), 0.8});
    }
    order.resize(std::min(order.size(), kMostNamed));
    for (const std::size_t i : order) {
      const RooflineMark& m = r_.marks[i];
      const Point at = place(m.intensity, m.rate / 1e9);
      taken_.push_back({at.x - radius(m), at.y - radius(m), at.x + radius(m), at.y + radius(m)});
    }
    for (std::size_t n = 0; n < order.size(); ++n) number(r_.marks[order[n]], std::to_string(n + 1));
    names(order);
  }

  void number(const RooflineMark& m, const std::string& word) {
    const Point at = place(m.intensity, m.rate / 1e9);
    const double size = kText - 2, width = text_width(word) * size;
    std::optional<Box> chosen;
    for (double distance = radius(m) + 2; !chosen && distance < radius(m) + 60; distance += 4)
      for (int turn = 0; turn < 8 && !chosen; ++turn) {
        const double angle = 2 * M_PI * turn / 8;
        const double x = at.x + (distance + width / 2) * std::cos(angle),
                     y = at.y + (distance + size / 2) * std::sin(angle);
        const Box box{x - width / 2 - 1, y - size / 2, x + width / 2 + 1, y + size / 2};
        const bool inside = box.left > kLeft && box.right < kRight && box.bottom < kBottom && box.top > kTop;
        if (inside && std::none_of(taken_.begin(), taken_.end(), [&](const Box& t) { return t.meets(box); }))
          chosen = box;
      }
    if (!chosen) return;
    taken_.push_back(*chosen);
    const Point centre{(chosen->left + chosen->right) / 2, (chosen->top + chosen->bottom) / 2};
    if (std::hypot(centre.x - at.x, centre.y - at.y) > radius(m) + 11)
      canvas_.line({at, centre}, {{0.6, 0.6, 0.6}, 0.6});
    canvas_.text({centre.x, centre.y + size * 0.36}, word, size, Anchor::middle);
  }

  static std::string cut(std::string name, double width, double size) {
    if (text_width(name) * size <= width) return name;
    while (!name.empty() && text_width(name + "…") * size > width) {
      while (!name.empty() && (static_cast<unsigned char>(name.back()) & 0xC0) == 0x80) name.pop_back();
      if (!name.empty()) name.pop_back();
    }
    return name + "…";
  }

  void names(const std::vector<std::size_t>& order) {
    const double left = kRight + 24, size = kText - 1;
    double y = kTop - 60;
    canvas_.text({left, y}, "share of the time in a sequence", size, Anchor::start, kGrey);
    for (std::size_t n = 0; n < order.size(); ++n) {
      const RooflineMark& m = r_.marks[order[n]];
      y += size + 8;
      canvas_.area(circle({left + 22, y - size * 0.36}, 4), colour(m), 0.8);
      canvas_.text({left + 12, y}, std::to_string(n + 1), size, Anchor::end);
      canvas_.text({left + 74, y}, fmt::format("{:.1f} %", 100 * m.share), size, Anchor::end);
      canvas_.text({left + 84, y}, cut(m.name, kRooflineWidth - left - 92, size), size, Anchor::start);
    }

    if (r_.marks.size() > order.size())
      canvas_.text({left, y + size + 10},
                   fmt::format("and {} smaller ones without a number", r_.marks.size() - order.size()), size,
                   Anchor::start, kGrey);
  }

  static constexpr Colour kGrey = {0.35, 0.35, 0.35};
  const Roofline& r_;
  Canvas& canvas_;
  LogAxis x_, y_;
  std::vector<Box> taken_;
  std::vector<std::size_t> ranks_;  // of groups
};

}  // namespace

Roofline roofline_of(const std::vector<NamedReport>& reports) {
  const KernelReport& first = reports[0].report;
  const bool several = reports.size() > 1;
  Roofline r{fmt::format("{}: {}; {}", first.rule, first.parts, first.sizes), first.machine, first.float64, several, {}, {}};
  for (const NamedReport& one : reports) {
    if (several) r.groups.push_back(one.name);
    double all = 0;  // statements alone take a little more than their phases
    for (const PhaseKernel& p : one.report.phases)
      for (const StatementKernel& s : p.statements) all += p.calls * s.seconds;
    for (const PhaseKernel& p : one.report.phases) {
      if (!several) r.groups.push_back(p.name);
      for (const StatementKernel& s : p.statements)
        if (s.operations > 0 && s.bytes > 0 && s.seconds > 0)
          r.marks.push_back({p.name + ": " + s.name, r.groups.size() - 1, s.operations / s.bytes,
                             s.rate(), all > 0 ? p.calls * s.seconds / all : 0});
    }
  }
  return r;
}

void draw(const Roofline& roofline, Canvas& canvas) { RooflinePicture(roofline, canvas).draw(); }

void write_roofline(const Roofline& roofline, const std::string& path) {
  const auto canvas = path.ends_with(".svg") ? svg_canvas(kRooflineWidth, kRooflineHeight)
                                             : png_canvas(kRooflineWidth, kRooflineHeight, 2);
  draw(roofline, *canvas);
  write_file_atomically(path, canvas->bytes());
}

}  // namespace eligo
