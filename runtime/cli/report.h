// `eligo report`: run folders as a page, tables and files for other programs.
#pragma once

#include <string>
#include <vector>

namespace eligo::cli {

struct ReportArguments {
  std::vector<std::string> folders;
  std::string out, markdown, csv;  // files; with none of them the tables go to the standard output
  std::string over;                // a setting over which the results are drawn
  std::string pictures;            // a folder for each chart as SVG and PNG
  bool credit = false;             // runs the nets of the checkpoints once more
};
int report(const ReportArguments& arguments);

}  // namespace eligo::cli
