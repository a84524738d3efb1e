// Text within XML and HTML.
#pragma once

#include <string>

namespace eligo {

// With <, >, & and " written as references, so that it is text in an element and in an attribute.
std::string escaped_markup(const std::string& text);

}  // namespace eligo
