// What the verbs write for people. On a terminal, long lines are broken at blanks to fit it; elsewhere every line is
// written as it is. Nothing here wraps JSON, code or anything else that is read by programs: that is printed as it is.
#pragma once

#include <cstdio>
#include <string>

namespace eligo {

// Characters a line of the terminal has ($COLUMNS, or what the terminal says); 0: `file` is no terminal.
int columns(std::FILE* file);
// Whether to colour what goes there: a terminal that is not "dumb", unless $NO_COLOR is set (https://no-color.org).
bool coloured(std::FILE* file);

// The text with lines of at most `width` characters, as far as there are blanks to break them at; what goes on is
// indented further. 0: unchanged.
std::string wrapped(const std::string& text, int width);

// The first `width` characters.
std::string cut_to_width(const std::string& text, int width);

// Control characters other than ends of lines and tabs become question marks.
std::string without_controls(const std::string& text);

// To the standard output; on a terminal without control characters. Throws OutputLost where it cannot be written.
void say(const std::string& text);
// To the standard error; that it cannot be written is no error, there is nowhere to say it.
void complain(const std::string& text) noexcept;

// The whole text as it is, to a file, or for "" and "-" to the standard output. Throws eligo::Error with the system's reason.
void write_result(const std::string& path, const std::string& text);

struct OutputLost {
  int reason = 0;  // errno
};
// Everything said so far reaches the standard output, or OutputLost.
void flush_output();

}  // namespace eligo
