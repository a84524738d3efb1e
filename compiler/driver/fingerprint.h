// Digests of the sources that turn rules into kernels, a digest for each folder. A compiled program that is kept belongs
// to the compiler that made it.
#pragma once

#include <span>

namespace eligo::compiler {

struct Fingerprint {
  const char* folder;  // support, dsl, compiler/ir, ...
  const char* digest;  // SHA-256 of the folder's sources and their names
};

// Sorted by folder. Made by the build: compiler/driver/fingerprint.cmake.
std::span<const Fingerprint> fingerprints();

}  // namespace eligo::compiler
