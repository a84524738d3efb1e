#include "runtime/plot/canvas.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "support/error.h"
#include "support/markup.h"
#include "support/utf8.h"

namespace eligo {
namespace {

// DejaVu has Greek letters and the signs of equations. Where it is missing fontconfig names another; where there is no
// font at all, cairo draws the letters of ASCII by itself.
constexpr const char* font = "DejaVu Sans";

// Cairo takes no text but characters of Unicode; what is none is a question mark. Control characters are left out.
std::string readable(const std::string& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size();) {
    const dsl::Character c = dsl::decode(words, i);
    const bool character = c.length > 0 && (c.code < 0xFDD0 || c.code > 0xFDEF) && (c.code & 0xFFFE) != 0xFFFE;
    if (!character) out += '?';
    else if (c.code >= 0x20) out += words.substr(i, c.length);
    i += std::max(c.length, 1U);
  }
  return out;
}

struct Release {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};
using Surface = std::unique_ptr<cairo_surface_t, Release>;
using Context = std::unique_ptr<cairo_t, Release>;

// Widths are those of the letters' outlines, whatever the pixels: both kinds of pictures have their words alike.
void choose_font(cairo_t* context, double size) {
  cairo_select_font_face(context, font, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, size);
  const std::unique_ptr<cairo_font_options_t, Release> options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(context, options.get());
}

double width_of(cairo_t* context, const std::string& words) {
  cairo_text_extents_t extents;
  cairo_text_extents(context, words.c_str(), &extents);
  return extents.x_advance;
}

cairo_status_t append(void* into, const unsigned char* data, unsigned int size) {
  static_cast<std::string*>(into)->append(reinterpret_cast<const char*>(data), size);
  return CAIRO_STATUS_SUCCESS;
}

class CairoCanvas : public Canvas {
 public:
  void line(const std::vector<Point>& points, const Pen& pen) override {
    const std::vector<Point> path = drawable(points);
    if (path.empty()) return;
    if (path.size() == 1) return dot(path[0], pen);
    trace(path);
    colour(pen.colour, pen.opacity);
    cairo_set_line_width(context_.get(), pen.width);
    cairo_set_line_join(context_.get(), CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(context_.get(), pen.dash.data(), static_cast<int>(pen.dash.size()), 0);
    cairo_stroke(context_.get());
  }

  void area(const std::vector<Point>& outline, Colour c, double opacity) override {
    const std::vector<Point> path = drawable(outline);
    if (path.size() < 3) return;
    trace(path);
    cairo_close_path(context_.get());
    colour(c, opacity);
    cairo_fill(context_.get());
  }

  void text(Point at, const std::string& words, double size, Anchor anchor, Colour c, bool upward) override {
    const std::string line = readable(words);
    if (line.empty() || !std::isfinite(at.x) || !std::isfinite(at.y)) return;
    words_.push_back(line);
    cairo_save(context_.get());
    choose_font(context_.get(), size);
    colour(c, 1);
    cairo_translate(context_.get(), at.x, at.y);
    if (upward) cairo_rotate(context_.get(), -M_PI / 2);
    const double width = anchor == Anchor::start ? 0 : width_of(context_.get(), line);
    cairo_move_to(context_.get(), anchor == Anchor::middle ? -width / 2 : -width, 0);
    cairo_show_text(context_.get(), line.c_str());
    cairo_restore(context_.get());
  }

 protected:
  // `scale` pixels a point.
  void begin(Surface surface, double scale) {
    surface_ = std::move(surface);
    context_.reset(cairo_create(surface_.get()));
    cairo_set_source_rgb(context_.get(), 1, 1, 1);
    cairo_paint(context_.get());
    cairo_scale(context_.get(), scale, scale);
  }

  // Nothing is drawn from the first fault on; here it is said.
  void end() {
    cairo_surface_flush(surface_.get());
    check(cairo_status(context_.get()));
    check(cairo_surface_status(surface_.get()));
  }

  static void check(cairo_status_t status) {
    if (status != CAIRO_STATUS_SUCCESS)
      throw Error(fmt::format("the picture cannot be drawn: {}", cairo_status_to_string(status)));
  }

  Surface surface_;
  Context context_;
  std::vector<std::string> words_;  // in the order in which they were drawn

 private:
  // The points that have a place; what lies far outside is as far outside as cairo's numbers go.
  static std::vector<Point> drawable(const std::vector<Point>& points) {
    constexpr double far = 1e5;
    std::vector<Point> path;
    for (const Point p : points)
      if (std::isfinite(p.x) && std::isfinite(p.y))
        path.push_back({std::clamp(p.x, -far, far), std::clamp(p.y, -far, far)});
    return path;
  }

  void trace(const std::vector<Point>& path) {
    cairo_new_path(context_.get());
    for (const Point p : path) cairo_line_to(context_.get(), p.x, p.y);
  }

  // A line of a single point, such as a curve's after its first epoch.
  void dot(Point at, const Pen& pen) {
    cairo_new_path(context_.get());
    cairo_arc(context_.get(), at.x, at.y, std::max(pen.width, 1.5), 0, 2 * M_PI);
    colour(pen.colour, pen.opacity);
    cairo_fill(context_.get());
  }

  void colour(Colour c, double opacity) { cairo_set_source_rgba(context_.get(), c.red, c.green, c.blue, opacity); }
};

// --- SVG ------------------------------------------------------------------------------------------------------------

class SvgCanvas final : public CairoCanvas {
 public:
  SvgCanvas(double width, double height) {
    Surface surface(cairo_svg_surface_create_for_stream(append, &file_, width, height));
    cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
    begin(std::move(surface), 1);
  }
  ~SvgCanvas() override { cairo_surface_finish(surface_.get()); }  // while there is a file that it may write to

  std::string bytes() override {
    if (!finished_) {
      end();
      cairo_surface_finish(surface_.get());
      check(cairo_surface_status(surface_.get()));
      finished_ = true;
    }
    return described(without_numbers(file_));
  }

 private:
  // Cairo numbers the surfaces of a process; without that the same picture is the same file.
  static std::string without_numbers(std::string svg) {
    const std::string mark = "<g id=\"surface";
    if (const std::size_t at = svg.find(mark); at != std::string::npos) {
      const std::size_t end = svg.find('"', at + mark.size());
      svg.replace(at, end + 1 - at, "<g");
    }
    return svg;
  }

  // Letters are outlines, so that they look alike everywhere; the words stand in the description, for whoever searches
  // them or has them read out.
  std::string described(std::string svg) const {
    std::string words = "\n<desc>\n";
    for (const std::string& line : words_) words += escaped_markup(line) + "\n";
    const std::size_t root = svg.find("<svg ");
    svg.insert(svg.find('>', root) + 1, words + "</desc>");
    return svg;
  }

  std::string file_;  // complete when the surface is finished; cairo writes to it
  bool finished_ = false;
};

// --- PNG ------------------------------------------------------------------------------------------------------------

class PngCanvas final : public CairoCanvas {
 public:
  PngCanvas(double width, double height, double scale) {
    constexpr double most = 32000;  // cairo's images have less than 32768 pixels to a side
    const double fitting = std::min({scale, most / width, most / height});
    begin(Surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(width * fitting)),
                                             static_cast<int>(std::ceil(height * fitting)))),
          fitting);
  }

  std::string bytes() override {
    end();
    std::string file;
    check(cairo_surface_write_to_png_stream(surface_.get(), append, &file));
    return file;
  }
};

}  // namespace

std::unique_ptr<Canvas> svg_canvas(double width, double height) { return std::make_unique<SvgCanvas>(width, height); }

std::unique_ptr<Canvas> png_canvas(double width, double height, double scale) {
  return std::make_unique<PngCanvas>(width, height, scale);
}

double text_width(const std::string& words) {
  constexpr double size = 64;
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
  const Context context(cairo_create(surface.get()));
  choose_font(context.get(), size);
  return width_of(context.get(), readable(words)) / size;
}

}  // namespace eligo
