#include "runtime/cli/command.h"

int main(int argc, char** argv) { return eligo::cli::command(argc, argv); }
