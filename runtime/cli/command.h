// The command, as a function: of the program `eligo`, and of the Python package's.
#pragma once

namespace eligo::cli {

// argv[0] is the program's name. Prints what it has to say; returns the exit status.
int command(int argc, char** argv);

}  // namespace eligo::cli
