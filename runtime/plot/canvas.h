// A surface for simple figures: lines, areas and words, drawn by cairo as SVG or as the pixels of a PNG.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace eligo {

struct Point {
  double x = 0, y = 0;  // in points from the upper left corner
};

struct Colour {
  double red = 0, green = 0, blue = 0;  // in 0..1
};

enum class Anchor { start, middle, end };

// How a line is drawn. `dash` is the lengths of its strokes and gaps in turn, in points; empty: unbroken.
struct Pen {
  Colour colour;
  double width = 1, opacity = 1;
  std::vector<double> dash = {};
};

inline constexpr Colour kInk = {0.1, 0.1, 0.1};  // of words

class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual void line(const std::vector<Point>& points, const Pen& pen) = 0;
  // What a closed line encloses.
  virtual void area(const std::vector<Point>& outline, Colour colour, double opacity) = 0;
  // The baseline begins, is centred or ends at `at`; `upward` turns the words by a quarter to the left.
  virtual void text(Point at, const std::string& words, double size, Anchor anchor, Colour colour = kInk,
                    bool upward = false) = 0;
  // The finished file's bytes.
  virtual std::string bytes() = 0;
};

// `width` and `height` in points.
std::unique_ptr<Canvas> svg_canvas(double width, double height);
// `scale` pixels a point, fewer where the picture would be larger than 32000 pixels. `bytes` throws eligo::Error if the
// picture cannot be drawn or encoded.
std::unique_ptr<Canvas> png_canvas(double width, double height, double scale);

// How wide words are, in units of their size; the same for both canvases.
double text_width(const std::string& words);

}  // namespace eligo
