// The page's parts as they lie beside this file, compiled in: page.html and page.css.
#pragma once

namespace eligo {

extern const char* const kKernelPageHtml;
extern const char* const kKernelPageStyle;

}  // namespace eligo
