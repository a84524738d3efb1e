// What a run changes on the disk: files replaced in one step, rows added behind others, leftovers removed.
//
// A file that is replaced is written to a temporary file beside its place and renamed, so a reader finds the old one or
// the new one, whole, and both names are on the disk before anything that relies on them goes on.
#pragma once

#include <cstddef>
#include <string>

namespace eligo {

enum class FileOperation { open, write, sync, rename, truncate };

// For tests: asked before each operation, it returns the errno with which this one is to fail, or 0. It may end the
// process, as a kill at this point would. Null: nothing is asked.
extern int (*before_file_operation)(FileOperation operation);

// Replaces a file when it is complete.
class AtomicFile {
 public:
  // Throws eligo::Error with the system's reason, here and below; the old file is kept then.
  explicit AtomicFile(std::string path);
  ~AtomicFile();  // without commit: the old file stays, the temporary one goes
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size);
  void commit();

 private:
  [[noreturn]] void fail();
  std::string path_, temporary_;
  int file_ = -1;
};

// Replaces a file by these bytes in one step. Throws eligo::Error with the system's reason.
void write_file_atomically(const std::string& path, const std::string& bytes);

// Temporary files that a killed process left in a folder; nobody else may be writing there.
void remove_temporary_files(const std::string& folder);

// All of the bytes, behind what the file holds; false with errno set if they did not get there.
bool write_all(int file, const void* data, std::size_t size);
bool sync_file(int file);
bool truncate_file(int file, std::size_t size);

}  // namespace eligo
