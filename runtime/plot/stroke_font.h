// The letters of pictures: a pen's strokes on a small grid, so that they can be drawn at any size without font files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eligo {

struct GlyphPoint {
  int x = 0, y = 0;  // y upwards: 0 is the lowest of a descender, 2 the baseline, 6 a small letter's top, 8 a capital's
};

struct Glyph {
  int width = 0;  // without the gap to the next one
  std::vector<std::vector<GlyphPoint>> strokes;
};

constexpr int kGlyphBaseline = 2, kGlyphHeight = 6, kGlyphGap = 2;

// The characters of UTF-8 text as glyphs; those without one are question marks.
std::vector<Glyph> glyphs_of(std::string_view text);

}  // namespace eligo
