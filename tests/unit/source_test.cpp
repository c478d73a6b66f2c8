// Guards the source stage: whole lines in order, whatever the reads, lengths and ends of the input,
// and going on from a saved position in the file that it was saved of.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model/event.hpp"
#include "source/source.hpp"

namespace {

using penstock::SourceConfig;
using penstock::source::Chunk;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock_source_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

SourceConfig file_source(const std::string& path) {
  SourceConfig config;
  config.path = path;
  config.location = {"pipeline.yaml", 3, 9};
  return config;
}

struct Lines {
  std::string text;  // all chunks' bytes joined
  std::size_t chunks = 0;
  std::size_t oversized = 0;
  std::uint64_t end = 0;
  bool whole_lines = true;  // no chunk but the last ends within a line
  bool contiguous = true;   // sequences and positions have no gap
};

Lines read_all(penstock::source::Source& source) {
  Lines lines;
  Chunk chunk;
  for (;;) {
    auto more = source.next(chunk);
    REQUIRE(more.ok());
    if (!*more) return lines;
    lines.contiguous =
        lines.contiguous && chunk.sequence == lines.chunks && chunk.begin.offset == lines.end;
    if (!lines.text.empty() && lines.text.back() != '\n') lines.whole_lines = false;
    if (chunk.oversized_line) ++lines.oversized;
    lines.text.append(chunk.bytes.get(), chunk.size);
    lines.end = chunk.end.offset;
    ++lines.chunks;
  }
}

Lines read_file(const TemporaryDirectory& directory, const std::string& content) {
  std::ofstream(directory.file("events"), std::ios::binary) << content;
  auto source = penstock::source::open(file_source(directory.file("events")));
  REQUIRE(source.ok());
  return read_all(**source);
}

}  // namespace

TEST_CASE("A file comes back as whole lines, in order, without a gap") {
  const TemporaryDirectory directory;
  std::string content;
  for (int i = 0; i < 20000; ++i)
    content += "{\"line\":" + std::to_string(i) + std::string(i % 97, 'x') + "}\n";
  const Lines lines = read_file(directory, content);
  CHECK(lines.text == content);
  CHECK(lines.chunks > 1);
  CHECK(lines.whole_lines);
  CHECK(lines.contiguous);
  CHECK(lines.end == content.size());
}

TEST_CASE("The last line of a file counts without its newline") {
  const TemporaryDirectory directory;
  CHECK(read_file(directory, "{}\n{\"a\":1}").text == "{}\n{\"a\":1}");
}

TEST_CASE("An empty file has no chunk") {
  const TemporaryDirectory directory;
  CHECK(read_file(directory, "").chunks == 0);
}

TEST_CASE("A line as long as an event may be is read whole although it needs several reads") {
  const TemporaryDirectory directory;
  const std::string line(penstock::kMaxEventBytes, 'x');
  const Lines lines = read_file(directory, "a\n" + line + "\nb\n");
  CHECK(lines.text == "a\n" + line + "\nb\n");
  CHECK(lines.oversized == 0);
}

TEST_CASE("A longer line is passed over as one, and its neighbours are read") {
  const TemporaryDirectory directory;
  const std::string line(penstock::kMaxEventBytes * 3 + 17, 'x');
  const std::string content = "a\n" + line + "\nb\nc";
  const Lines lines = read_file(directory, content);
  CHECK(lines.text == "a\nb\nc");
  CHECK(lines.oversized == 1);
  CHECK(lines.contiguous);
  CHECK(lines.end == content.size());
}

TEST_CASE("A longer line at the end of the file without a newline is passed over as one") {
  const TemporaryDirectory directory;
  const Lines lines = read_file(directory, "a\n" + std::string(penstock::kMaxEventBytes * 2, 'x'));
  CHECK(lines.text == "a\n");
  CHECK(lines.oversized == 1);
}

TEST_CASE("A file that does not exist is an I/O error that names the file and the setting") {
  auto source = penstock::source::open(file_source("/nonexistent/events.ndjson"));
  REQUIRE(!source.ok());
  CHECK(source.status().code() == penstock::StatusCode::io);
  CHECK(source.status().message() ==
        "Could not open the event file /nonexistent/events.ndjson: No such file or directory. "
        "Check source.path in "
        "pipeline.yaml:3:9");
}

TEST_CASE("A directory is refused as an event file") {
  const TemporaryDirectory directory;
  auto source = penstock::source::open(file_source(directory.file("")));
  REQUIRE(!source.ok());
  CHECK(source.status().message().find("is a directory") != std::string::npos);
}

TEST_CASE("stop() ends a source that waits for a pipe to say something") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const int saved = ::dup(STDIN_FILENO);
  REQUIRE(::dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
  SourceConfig config;
  config.type = SourceConfig::Type::standard_input;
  auto source = penstock::source::open(config);
  REQUIRE(source.ok());
  REQUIRE(::write(ends[1], "{}\n", 3) == 3);
  Chunk chunk;
  REQUIRE(*(*source)->next(chunk));
  std::thread stopper([&] { (*source)->stop(); });
  CHECK_FALSE(*(*source)->next(chunk));
  stopper.join();
  REQUIRE(::dup2(saved, STDIN_FILENO) == STDIN_FILENO);
  ::close(saved);
  ::close(ends[0]);
  ::close(ends[1]);
}

namespace {

using penstock::Position;
using penstock::SavedPosition;
using penstock::source::Notice;

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
void append_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::app) << content;
}

// An event file with a run that read all that it held, and the runs after that.
struct Restarts {
  explicit Restarts(const std::string& content) {
    write_file(path, content);
    auto source = penstock::source::open(file_source(path));
    REQUIRE(source.ok());
    const Lines lines = read_all(**source);
    saved = (*source)->saved({lines.end, 0});
    REQUIRE(saved);
    CHECK(saved->offset == content.size());
  }
  // What another run reads, from its first chunk on.
  std::string go_on(bool from_start = false) {
    notices.clear();
    auto source =
        penstock::source::open(file_source(path), saved, from_start, [&](const Notice& notice) {
          notices.push_back(notice.text);
          warned = notice.weight == Notice::Weight::warning;
        });
    INFO(source.status().message());
    REQUIRE(source.ok());
    std::string text;
    Chunk chunk;
    for (bool first = true;; first = false) {
      auto more = (*source)->next(chunk);
      REQUIRE(more.ok());
      if (!*more) return text;
      if (first) begin = chunk.begin.offset;
      text.append(chunk.bytes.get(), chunk.size);
    }
  }
  [[nodiscard]] bool noticed(const std::string& what) const {
    for (const std::string& notice : notices) {
      if (notice.find(what) != std::string::npos) return true;
    }
    return false;
  }

  const TemporaryDirectory directory;
  const std::string path = directory.file("events");
  std::optional<SavedPosition> saved;
  std::vector<std::string> notices;
  bool warned = false;  // by the last of them
  std::uint64_t begin = 0;
};

const std::string kLong(10'000, 'l');  // more than a fingerprint covers

}  // namespace

TEST_CASE("A file is read on from the saved position, with positions counted from its start") {
  const std::string before = GENERATE(std::string("{\"a\":1}\n"), kLong + "\n");
  Restarts file(before);
  CHECK(file.go_on().empty());
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.go_on() == "{\"b\":2}\n");
  CHECK(file.begin == before.size());
  CHECK(file.noticed("is read on from byte " + std::to_string(before.size())));
  CHECK_FALSE(file.warned);
}

TEST_CASE("A file is read from its start when that is asked for, whatever was saved") {
  Restarts file("{\"a\":1}\n");
  CHECK(file.go_on(true) == "{\"a\":1}\n");
  CHECK(file.notices.empty());
}

TEST_CASE("Another file in the same place is read from its start, and this is said") {
  Restarts file("{\"a\":1}\n");
  std::filesystem::rename(file.path, file.path + ".old");
  write_file(file.path, "{\"b\":2}\n{\"c\":3}\n");
  append_file(file.path + ".old", "{\"late\":1}\n");
  CHECK(file.go_on() == "{\"b\":2}\n{\"c\":3}\n");
  CHECK(file.warned);
  CHECK(file.noticed("another file than the one of which 8 bytes were read"));
  CHECK(file.noticed(file.path + ".old, where 11 bytes were not read"));
}

TEST_CASE("A file that was cut off is read from its start, and this is said") {
  Restarts file("{\"a\":1}\n{\"b\":2}\n");
  std::filesystem::resize_file(file.path, 8);
  CHECK(file.go_on() == "{\"a\":1}\n");
  CHECK(file.warned);
  CHECK(file.noticed("was cut off: 16 bytes of it were read"));
}

TEST_CASE("A file that was written anew in place is read from its start, and this is said") {
  Restarts file("{\"a\":1}\n");
  std::filesystem::resize_file(file.path, 0);
  append_file(file.path, "{\"b\":2}\n{\"c\":3}\n");
  CHECK(file.go_on() == "{\"b\":2}\n{\"c\":3}\n");
  CHECK(file.warned);
  CHECK(file.noticed("was written anew"));
}

TEST_CASE("A copy of the file is the file") {
  Restarts file("{\"a\":1}\n");
  std::filesystem::copy_file(file.path, file.path + ".copy");
  std::filesystem::remove(file.path);
  std::filesystem::rename(file.path + ".copy", file.path);
  if (std::filesystem::exists(file.path)) append_file(file.path, "{\"b\":2}\n");
  // The system may have given the copy the number of the file that was removed.
  file.saved->inode += 1000;
  CHECK(file.go_on() == "{\"b\":2}\n");
  CHECK(file.noticed("it is taken as its copy"));
  CHECK_FALSE(file.warned);
}

TEST_CASE("A file that is gone is an error that says how much of it was read") {
  Restarts file("{\"a\":1}\n");
  std::filesystem::remove(file.path);
  auto source = penstock::source::open(file_source(file.path), file.saved);
  REQUIRE(!source.ok());
  CHECK(source.status().code() == penstock::StatusCode::io);
  CHECK(source.status().message() ==
        "Could not open the event file " + file.path + ": No such file or directory. 8 bytes of " +
            file.path +
            " were read before. Put the file back to go on from there, "
            "or name another one in source.path in pipeline.yaml:3:9");
}

TEST_CASE("What is appended to a last line that was an event already is passed over and said") {
  Restarts file("{\"a\":1}\n{\"b\":");
  append_file(file.path, "2}\n{\"c\":3}\n");
  CHECK(file.go_on() == "{\"c\":3}\n");
  CHECK(file.begin == 16);
  CHECK(file.noticed("3 bytes were appended to it"));
  CHECK(file.warned);
}

TEST_CASE("A newline that is appended to a last line goes without a word") {
  const auto end = GENERATE("\n", "\r\n");
  Restarts file("{\"a\":1}");
  append_file(file.path, end + std::string("{\"b\":2}\n"));
  CHECK(file.go_on() == "{\"b\":2}\n");
  CHECK(file.notices.size() == 1);  // that it is read on
}

TEST_CASE("More of a last line without any newline is passed over as well") {
  Restarts file("{\"a\":");
  append_file(file.path, "1, more");
  CHECK(file.go_on().empty());
  CHECK(file.noticed("7 bytes were appended to it"));
}

TEST_CASE("A file that was empty when it was opened is told from others by what came later") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("events");
  write_file(path, "");
  auto source = penstock::source::open(file_source(path));
  REQUIRE(source.ok());
  append_file(path, "{\"a\":1}\n");
  Chunk chunk;
  REQUIRE(*(*source)->next(chunk));
  const auto saved = (*source)->saved(chunk.end);
  REQUIRE(saved);
  CHECK(saved->fingerprint_size == 8);
  CHECK(saved->offset == 8);
  CHECK(saved->path == path);
}

TEST_CASE("A fingerprint is the SHA-256 of the first 4096 bytes, or of all where there are fewer") {
  Restarts small("abc");
  CHECK(small.saved->fingerprint ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(small.saved->fingerprint_size == 3);
  Restarts large(kLong);
  CHECK(large.saved->fingerprint_size == 4096);
}

TEST_CASE("Complete lines behind one that is too long are handed on without waiting for more") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const int saved = ::dup(STDIN_FILENO);
  REQUIRE(::dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
  SourceConfig config;
  config.type = SourceConfig::Type::standard_input;
  auto source = penstock::source::open(config);
  REQUIRE(source.ok());
  CHECK_FALSE((*source)->saved({0, 0}));  // a stream cannot be read again
  const std::string text = std::string(3 * penstock::kMaxEventBytes, 'x') + "\n{}\n";
  std::thread writer([&] {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(ends[1], text.data() + done, text.size() - done);
      if (count > 0) done += static_cast<std::size_t>(count);
    }
  });
  Chunk chunk;
  REQUIRE(*(*source)->next(chunk));
  CHECK(chunk.oversized_line);
  REQUIRE(*(*source)->next(chunk));
  CHECK(std::string(chunk.bytes.get(), chunk.size) == "{}\n");
  writer.join();
  REQUIRE(::dup2(saved, STDIN_FILENO) == STDIN_FILENO);
  ::close(saved);
  ::close(ends[0]);
  ::close(ends[1]);
}
