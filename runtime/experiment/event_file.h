// A file of events as TensorBoard reads it: scalars over steps, and a session's hyper-parameters. Records are framed as
// TensorFlow frames them (length, masked CRC-32C, bytes, masked CRC-32C), and hold protocol buffers of its Event.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "support/descriptor.h"

namespace eligo {

using HyperValue = std::variant<double, bool, std::string>;

class EventFile {
 public:
  // Makes a new file in the folder, named so that readers take it after those that are there. Throws eligo::Error with
  // the system's reason, here and below.
  explicit EventFile(const std::string& folder);

  // Readers forget what earlier files say of this step and of later ones.
  void restart(std::uint64_t step);
  void scalar(const std::string& tag, std::uint64_t step, double value);
  // What the hyper-parameter plug-in shows of this folder's scalars. `group`: those of one group differ in the seed
  // only.
  void begin_session(const std::string& group, const std::map<std::string, HyperValue>& hypers);
  void end_session(bool success);

  const std::string& path() const { return path_; }

 private:
  void add(const std::string& content, std::uint64_t step);
  void add_hypers(const char* tag, const std::string& content);

  std::string path_;
  Descriptor file_;
};

// Whether a folder has files of events.
bool has_event_files(const std::string& folder);

// The checksum of Castagnoli's polynomial, as iSCSI and TensorFlow compute it.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace eligo
