// The picture of a run: learning curves with axes, ticks and labels at the lines' ends, as SVG and PNG.
#pragma once

#include <string>
#include <vector>

#include "runtime/plot/canvas.h"

namespace eligo {

// One thing compared. Of several lines (one a seed) the mean is drawn, in a band of its standard error; where not all
// of them reach, each is drawn faintly.
struct Curve {
  std::string name;
  std::vector<std::vector<Point>> lines;  // in the units of the axes; points that are not finite are left out
};

enum class Scale { automatic, linear, logarithmic };

struct Figure {
  std::string title, x_label, y_label;
  Scale scale =
      Scale::automatic;  // of y; automatic: logarithmic if nothing is negative and what is positive spans over a factor
                         // of 20
  std::vector<Curve> curves;
};

void draw(const Figure& figure, Canvas& canvas, double width, double height);

// Figures side by side, each with the same curves in the same colours. Writes both files, each atomically. Throws
// eligo::Error if they cannot be written.
void write_pictures(const std::vector<Figure>& figures, const std::string& svg_path, const std::string& png_path);

// How the curve with this number is drawn: no two of the first forty are alike, the first ten differ in colour.
Pen curve_pen(std::size_t index);

// Values for ticks of an axis: round numbers within the range, about `wanted` of them.
std::vector<double> linear_ticks(double low, double high, int wanted);
std::vector<double> logarithmic_ticks(double low, double high);

// Places for labels in a column: as near to where they want to be as fits with `gap` between them, within low..high if
// there is room for all. In the order of `wanted`.
std::vector<double> spread_out(const std::vector<double>& wanted, double gap, double low, double high);

}  // namespace eligo
