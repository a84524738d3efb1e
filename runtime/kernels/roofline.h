// The roofline: operations a byte against operations a second, under what the machine can do at most.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernels/kernel_text.h"
#include "runtime/plot/canvas.h"

namespace eligo {

struct RooflineMark {
  std::string name;
  std::size_t group = 0;           // marks of a group have one colour
  double intensity = 0, rate = 0;  // operations a byte; operations a second
  double share = 0;                // of the whole time: the mark's size
};

struct Roofline {
  std::string title;
  Machine machine;
  bool float64 = false;
  bool variants = false;  // groups are what is compared; otherwise phases
  std::vector<std::string> groups;
  std::vector<RooflineMark> marks;
};

// A mark for each statement that computes something; groups are the phases, of several reports the reports.
Roofline roofline_of(const std::vector<NamedReport>& reports);

inline constexpr double kRooflineWidth = 1080, kRooflineHeight = 640;
void draw(const Roofline& roofline, Canvas& canvas);

// PNG or SVG by the name's end. Throws eligo::Error where it cannot be written.
void write_roofline(const Roofline& roofline, const std::string& path);

}  // namespace eligo
