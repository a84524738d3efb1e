// The page's parts as they lie beside this file, compiled in: page.html, page.css, chart.js and page.js.
#pragma once

namespace eligo {

extern const char* const kPageHtml;
extern const char* const kPageStyle;
extern const char* const kChartScript;
extern const char* const kPageScript;

}  // namespace eligo
