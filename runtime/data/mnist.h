// The MNIST files of a folder.
#pragma once

#include <string>

#include "runtime/data/images.h"

namespace eligo {

// Reads {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, also with `.` before idx and with `.gz`.
// Throws eligo::Error: folder or file missing, anything wrong in a file (see read_idx), a label beyond 9, images and
// labels of different number, test images of another size than the training images.
ImageData read_mnist(const std::string& folder);

}  // namespace eligo
