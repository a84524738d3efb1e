// What is wrong with something that the user gave.
#pragma once

#include <stdexcept>

namespace eligo {

// Names the thing, what is wrong with it and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace eligo
