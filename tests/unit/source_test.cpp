// Guards the source stage: whole lines in order, whatever the reads, lengths and ends of the input.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
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
