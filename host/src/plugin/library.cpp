#include "plugin/library.hpp"

#define BOOST_DLL_USE_STD_FS
#include <algorithm>
#include <boost/dll/library_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>

#include "model/diagnostics.hpp"

namespace penstock::plugin {

struct Library::Handle {
  boost::dll::shared_library library;
};

namespace {

namespace fs = std::filesystem;

// Names of other files that a message lists at most.
constexpr std::size_t kMaxListed = 8;

// "its directory DIR holds a.so, b.so" or what else there is to say about where the library should
// be.
std::string describe_directory(const fs::path& library) {
  const fs::path directory = library.parent_path();
  std::error_code error;
  if (!fs::is_directory(directory, error))
    return "There is no directory " + directory.string() + ".";
  std::vector<std::string> names;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".so") names.push_back(entry->path().filename().string());
  }
  if (error)
    return "The directory " + directory.string() + " cannot be read: " + error.message() + ".";
  if (names.empty()) return "The directory " + directory.string() + " holds no .so file.";
  std::sort(names.begin(), names.end());
  std::string text = "The directory " + directory.string() + " holds ";
  for (std::size_t i = 0; i < names.size() && i < kMaxListed; ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMaxListed)
    text += " and " + std::to_string(names.size() - kMaxListed) + " more";
  return text + ".";
}

Status check_file(const std::string& path) {
  const fs::path file(path);
  if (!file.is_absolute()) {
    return {StatusCode::internal,
            "the plugin library \"" + path + "\" was asked for without an absolute path"};
  }
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) {
    const std::string why =
        status.type() == fs::file_type::none ? " (" + error.message() + ")" : "";
    return {StatusCode::configuration,
            "the plugin library " + path + " does not exist" + why + ". " +
                describe_directory(file) +
                " Build or install the plugin there, or correct \"library\" in its manifest."};
  }
  if (!fs::is_regular_file(status)) {
    return {StatusCode::configuration,
            "the plugin library " + path +
                " is no file. Correct \"library\" in the plugin's manifest."};
  }
  std::ifstream in(file, std::ios::binary);
  char magic[4] = {};
  in.read(magic, sizeof magic);
  if (!in.is_open()) {
    return {StatusCode::io,
            "the plugin library " + path + " cannot be read. Check the rights on it."};
  }
  if (in.gcount() != sizeof magic || std::memcmp(magic, "\177ELF", sizeof magic) != 0) {
    return {StatusCode::configuration,
            "the plugin library " + path +
                " is no shared object: it does not begin as an ELF file does. Was it copied "
                "completely, and built as a shared library?"};
  }
  return {};
}

// Boost.DLL wraps what the dynamic linker said into words of its own, and ends with an errno text
// that has nothing to do with it: "...failed (dlerror system message: REASON): Bad file
// descriptor".
std::string linker_reason(const std::string& what) {
  static constexpr std::string_view kStart = "(dlerror system message: ";
  const std::size_t start = what.find(kStart);
  const std::size_t end = what.rfind("): ");
  if (start == std::string::npos || end == std::string::npos || end < start + kStart.size())
    return what;
  return what.substr(start + kStart.size(), end - start - kStart.size());
}

const char* advice(const std::string& reason) {
  if (reason.find("undefined symbol") != std::string::npos) {
    return "The plugin was linked without a library that it needs: link it with -Wl,-z,defs to see "
           "which.";
  }
  if (reason.find("cannot open shared object file") != std::string::npos) {
    return "A library that the plugin needs is not installed on this machine.";
  }
  if (reason.find("wrong ELF class") != std::string::npos ||
      reason.find("invalid ELF header") != std::string::npos) {
    return "It was built for another kind of machine.";
  }
  return "Rebuild the plugin on this system.";
}

}  // namespace

Library::Library(std::string path, std::unique_ptr<Handle> handle)
    : path_(std::move(path)), handle_(std::move(handle)) {}

Result<const Library*> Library::open(const std::string& path) {
  static std::mutex mutex;
  // Never destroyed, so that no library is unloaded at exit.
  static auto* const loaded = new std::map<std::string, std::unique_ptr<const Library>>();
  const std::lock_guard<std::mutex> lock(mutex);
  if (const auto found = loaded->find(path); found != loaded->end()) return found->second.get();

  RETURN_IF_ERROR(check_file(path));
  auto handle = std::make_unique<Handle>();
  try {
    using boost::dll::load_mode::rtld_local;
    using boost::dll::load_mode::rtld_now;
    handle->library.load(path, rtld_now | rtld_local);
  } catch (const std::exception& exception) {
    const std::string reason = linker_reason(exception.what());
    return Status(StatusCode::configuration, "the plugin library " + path + " cannot be loaded: " +
                                                 reason + ". " + advice(reason));
  }
  auto library = std::unique_ptr<const Library>(new Library(path, std::move(handle)));
  return loaded->emplace(path, std::move(library)).first->second.get();
}

Library::Function Library::find(const std::string& name) const {
  if (!handle_->library.has(name)) return nullptr;
  return &handle_->library.get<void()>(name);
}

std::vector<std::string> Library::exported_names() const {
  try {
    return boost::dll::library_info(path_).symbols();
  } catch (const std::exception&) {
    return {};  // the caller's message is whole without them
  }
}

}  // namespace penstock::plugin
