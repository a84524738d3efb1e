#include "runtime/plot/canvas.h"

#include <fmt/core.h>
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

  void line(const std::vector<Point>& points, Colour colour, double width, double opacity) override {
    body_ += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                         hex(colour), width);
    if (opacity < 1) body_ += fmt::format(" stroke-opacity=\"{}\"", opacity);
    body_ += " points=\"";
    for (const Point p : points) body_ += fmt::format("{:.2f},{:.2f} ", p.x, p.y);
    body_ += "\"/>\n";
  }

  void text(Point at, const std::string& words, double size, Anchor anchor, bool upward) override {
    const char* anchors[] = {"start", "middle", "end"};
    body_ +=
        fmt::format("<text x=\"{0:.2f}\" y=\"{1:.2f}\" font-size=\"{2}\" text-anchor=\"{3}\"{4}>{5}</text>\n", at.x,
                    at.y, size, anchors[static_cast<int>(anchor)],
                    upward ? fmt::format(" transform=\"rotate(-90 {:.2f} {:.2f})\"", at.x, at.y) : "", escaped(words));
  }

  std::string bytes() override { return body_ + "</svg>\n"; }

 private:
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

  void line(const std::vector<Point>& points, Colour colour, double width, double opacity) override {
    const double radius = std::max(0.5, width * scale_ / 2);
    std::vector<std::size_t> touched;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const Point a = points[i], b = points[std::min(i + 1, points.size() - 1)];
      cover_piece({a.x * scale_, a.y * scale_}, {b.x * scale_, b.y * scale_}, radius, touched);
      if (i + 2 >= points.size()) break;
    }
    blend(touched, colour, opacity);
  }

  void text(Point at, const std::string& words, double size, Anchor anchor, bool upward) override {
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
        line(points, {0.1, 0.1, 0.1}, size / 11, 1);
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
