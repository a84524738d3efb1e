#include "runtime/plot/canvas.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>

#include "runtime/plot/stroke_font.h"
#include "support/error.h"

namespace eligo {
namespace {

// --- SVG ------------------------------------------------------------------------------------------------------------

std::string hex(Colour c) {
  const auto part = [](double v) { return static_cast<int>(std::lround(std::clamp(v, 0.0, 1.0) * 255)); };
  return fmt::format("#{:02x}{:02x}{:02x}", part(c.red), part(c.green), part(c.blue));
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

class SvgCanvas final : public Canvas {
 public:
  SvgCanvas(double width, double height)
      : body_(fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
            "font-family=\"Helvetica, Arial, sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
            width, height)) {}

  void line(const std::vector<Point>& points, const Pen& pen) override {
    body_ += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                         hex(pen.colour), pen.width);
    if (pen.opacity < 1) body_ += fmt::format(" stroke-opacity=\"{}\"", pen.opacity);
    if (!pen.dash.empty()) body_ += fmt::format(" stroke-dasharray=\"{}\"", fmt::join(pen.dash, " "));
    add_points(points);
  }

  void area(const std::vector<Point>& outline, Colour colour, double opacity) override {
    body_ += fmt::format("<polygon fill=\"{}\" fill-opacity=\"{}\"", hex(colour), opacity);
    add_points(outline);
  }

  void text(Point at, const std::string& words, double size, Anchor anchor, Colour colour, bool upward) override {
    const char* anchors[] = {"start", "middle", "end"};
    body_ += fmt::format(
        "<text x=\"{0:.2f}\" y=\"{1:.2f}\" font-size=\"{2}\" text-anchor=\"{3}\" fill=\"{4}\"{5}>{6}</text>\n", at.x,
        at.y, size, anchors[static_cast<int>(anchor)], hex(colour),
        upward ? fmt::format(" transform=\"rotate(-90 {:.2f} {:.2f})\"", at.x, at.y) : "", escaped(words));
  }

  std::string bytes() override { return body_ + "</svg>\n"; }

 private:
  void add_points(const std::vector<Point>& points) {
    body_ += " points=\"";
    for (const Point p : points) body_ += fmt::format("{:.2f},{:.2f} ", p.x, p.y);
    body_ += "\"/>\n";
  }

  std::string body_;
};

// --- PNG ------------------------------------------------------------------------------------------------------------

class PngCanvas final : public Canvas {
 public:
  PngCanvas(double width, double height, double scale)
      : scale_(scale),
        width_(static_cast<std::size_t>(std::ceil(width * scale))),
        height_(static_cast<std::size_t>(std::ceil(height * scale))),
        pixels_(width_ * height_ * 3, 1.0F),
        cover_(width_ * height_, 0.0F) {}

  void line(const std::vector<Point>& points, const Pen& pen) override {
    const double radius = std::max(0.5, pen.width * scale_ / 2);
    std::vector<std::size_t> touched;
    const auto cover = [&](Point a, Point b) {
      cover_piece({a.x * scale_, a.y * scale_}, {b.x * scale_, b.y * scale_}, radius, touched);
    };
    if (!pen.dash.empty()) each_dash(points, pen.dash, cover);
    for (std::size_t i = 0; pen.dash.empty() && i < points.size(); ++i) {
      cover(points[i], points[std::min(i + 1, points.size() - 1)]);
      if (i + 2 >= points.size()) break;
    }
    blend(touched, pen.colour, pen.opacity);
  }

  void area(const std::vector<Point>& outline, Colour colour, double opacity) override {
    std::vector<std::size_t> touched;
    double top = static_cast<double>(height_), bottom = 0;
    for (const Point p : outline) {
      top = std::min(top, p.y * scale_);
      bottom = std::max(bottom, p.y * scale_);
    }
    const double last = std::min(std::ceil(bottom), static_cast<double>(height_));
    for (double row = std::max(0.0, std::floor(top)); row < last; ++row)
      for (int part = 0; part < kParts; ++part) cover_span(outline, row, (part + 0.5) / kParts, touched);
    blend(touched, colour, opacity);
  }

  void text(Point at, const std::string& words, double size, Anchor anchor, Colour colour, bool upward) override {
    const double unit = size / 9, width = text_width(words) * size;
    double x = anchor == Anchor::start ? 0 : anchor == Anchor::middle ? -width / 2 : -width;
    const auto place = [&](GlyphPoint p) {
      const double right = x + p.x * unit, up = (p.y - kGlyphBaseline) * unit;
      return upward ? Point{at.x - up, at.y - right} : Point{at.x + right, at.y - up};
    };
    for (const auto& glyph : glyphs_of(words)) {
      for (const auto& stroke : glyph.strokes) {
        std::vector<Point> points;
        points.reserve(stroke.size());
        for (const GlyphPoint p : stroke) points.push_back(place(p));
        line(points, {colour, size / 11});
      }
      x += (glyph.width + kGlyphGap) * unit;
    }
  }

  std::string bytes() override {
    std::vector<std::uint8_t> rgb(pixels_.size());
    for (std::size_t i = 0; i < rgb.size(); ++i) {
      rgb[i] = static_cast<std::uint8_t>(std::lround(std::clamp(pixels_[i], 0.0F, 1.0F) * 255));
    }
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = 0;
    if (png_image_write_to_memory(&image, nullptr, &size, 0, rgb.data(), 0, nullptr) == 0) fail(image);
    std::string out(size, '\0');
    if (png_image_write_to_memory(&image, out.data(), &size, 0, rgb.data(), 0, nullptr) == 0) fail(image);
    out.resize(size);
    return out;
  }

 private:
  [[noreturn]] static void fail(const png_image& image) {
    throw Error(fmt::format("the picture cannot be encoded as PNG: {}", image.message));
  }

  // Calls `stroke` for the straight pieces of a line that lie in its strokes, not in its gaps.
  template <class Stroke>
  static void each_dash(const std::vector<Point>& points, const std::vector<double>& dash, Stroke stroke) {
    std::size_t entry = 0;
    double left = dash[0];
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
      const Point a = points[i], b = points[i + 1];
      const double length = std::hypot(b.x - a.x, b.y - a.y);
      const auto between = [&](double at) {
        return Point{a.x + (b.x - a.x) * at / length, a.y + (b.y - a.y) * at / length};
      };
      for (double at = 0; at < length;) {
        const double end = std::min(length, at + left);
        if (entry % 2 == 0) stroke(between(at), between(end));
        left -= end - at;
        at = end;
        if (left > 1e-9) continue;
        entry = (entry + 1) % dash.size();
        left = std::max(dash[entry], 0.1);
      }
    }
  }

  // Adds what an outline encloses of one of the lines, at `within` its height, that a row of pixels is cut into.
  void cover_span(const std::vector<Point>& outline, double row, double within, std::vector<std::size_t>& touched) {
    const double y = row + within;
    std::vector<double> crossings;
    for (std::size_t i = 0; i < outline.size(); ++i) {
      const Point a = outline[i], b = outline[(i + 1) % outline.size()];
      const double from = a.y * scale_, to = b.y * scale_;
      if ((from <= y) == (to <= y)) continue;
      crossings.push_back((a.x + (b.x - a.x) * (y - from) / (to - from)) * scale_);
    }
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const double left = std::max(crossings[i], 0.0), right = std::min(crossings[i + 1], static_cast<double>(width_));
      for (double column = std::floor(left); column < right; ++column) {
        const double share = std::min(right, column + 1) - std::max(left, column);
        const std::size_t at = static_cast<std::size_t>(row) * width_ + static_cast<std::size_t>(column);
        if (cover_[at] == 0) touched.push_back(at);
        cover_[at] = std::min(1.0F, cover_[at] + static_cast<float>(share / kParts));
      }
    }
  }

  // Notes how much of each pixel a straight piece covers; a line's pieces together cover a pixel once.
  void cover_piece(Point a, Point b, double radius, std::vector<std::size_t>& touched) {
    const auto range = [&](double u, double v, std::size_t size) {
      const double low = std::floor(std::min(u, v) - radius - 1), high = std::ceil(std::max(u, v) + radius + 1);
      return std::pair(static_cast<std::size_t>(std::clamp(low, 0.0, static_cast<double>(size))),
                       static_cast<std::size_t>(std::clamp(high, 0.0, static_cast<double>(size))));
    };
    const auto [left, right] = range(a.x, b.x, width_);
    const auto [top, bottom] = range(a.y, b.y, height_);
    const double dx = b.x - a.x, dy = b.y - a.y, length2 = std::max(dx * dx + dy * dy, 1e-12);
    for (std::size_t row = top; row < bottom; ++row) {
      for (std::size_t column = left; column < right; ++column) {
        const double x = static_cast<double>(column) + 0.5 - a.x, y = static_cast<double>(row) + 0.5 - a.y;
        const double along = std::clamp((x * dx + y * dy) / length2, 0.0, 1.0);
        const double cover = radius + 0.5 - std::hypot(x - along * dx, y - along * dy);
        if (cover <= 0) continue;
        const std::size_t at = row * width_ + column;
        if (cover_[at] == 0) touched.push_back(at);
        cover_[at] = std::max(cover_[at], static_cast<float>(std::min(cover, 1.0)));
      }
    }
  }

  void blend(const std::vector<std::size_t>& touched, Colour colour, double opacity) {
    const float channels[] = {static_cast<float>(colour.red), static_cast<float>(colour.green),
                              static_cast<float>(colour.blue)};
    for (const std::size_t at : touched) {
      const float share = cover_[at] * static_cast<float>(opacity);
      for (std::size_t c = 0; c < 3; ++c) pixels_[at * 3 + c] += share * (channels[c] - pixels_[at * 3 + c]);
      cover_[at] = 0;
    }
  }

  static constexpr int kParts = 4;  // lines that a row of pixels is cut into, for smooth edges of areas

  double scale_;
  std::size_t width_, height_;
  std::vector<float> pixels_, cover_;
};

}  // namespace

double text_width(const std::string& words) {
  double width = 0;
  for (const auto& glyph : glyphs_of(words)) width += glyph.width + kGlyphGap;
  return std::max(0.0, width - kGlyphGap) / 9;
}

std::unique_ptr<Canvas> svg_canvas(double width, double height) { return std::make_unique<SvgCanvas>(width, height); }

std::unique_ptr<Canvas> png_canvas(double width, double height, double scale) {
  return std::make_unique<PngCanvas>(width, height, scale);
}

}  // namespace eligo
