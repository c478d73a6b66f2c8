// Library: the shared object of a plugin, loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace penstock::plugin {

// Loaded once per path and shared by all destinations of the process; never unloaded, because
// threads, exit handlers and thread-local data of what the plugin links would outlive its code.
// [any-thread]
class Library {
 public:
  using Function = void (*)();

  // Loads the file at an absolute path, with all its symbols resolved now and none of them visible
  // to other libraries. The message of a failure says what was looked for, where, what was found,
  // what to do. The library lives until the process ends. [may-block]
  [[nodiscard]] static Result<const Library*> open(const std::string& path);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() = default;

  // The function that is exported under this name, or null.
  [[nodiscard]] Function find(const std::string& name) const;
  // The names that the library exports, for messages; empty where they cannot be read.
  [[nodiscard]] std::vector<std::string> exported_names() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Handle;
  Library(std::string path, std::unique_ptr<Handle> handle);

  const std::string path_;
  const std::unique_ptr<Handle> handle_;
};

}  // namespace penstock::plugin
