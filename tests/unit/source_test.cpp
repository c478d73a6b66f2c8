// Guards the source stage: whole lines in order, whatever the reads, lengths and ends of the input,
// and going on from a saved position in the file that it was saved of.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
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
  bool whole_lines = true;                       // no chunk but the last ends within a line
  bool contiguous = true;                        // sequences and positions have no gap
  std::optional<penstock::SavedPosition> saved;  // behind the last chunk
};

Lines read_all(penstock::source::Source& source, std::uint64_t begin = 0) {
  Lines lines;
  lines.end = begin;
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
    lines.saved = chunk.saved;
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
  const std::string content = "a\n" + line + "\nb\n{}";
  const Lines lines = read_file(directory, content);
  CHECK(lines.text == "a\nb\n{}");
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
    saved = lines.saved;
    REQUIRE(saved);
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
      if (chunk.saved) saved = chunk.saved;
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

TEST_CASE("A copy of the file is the file, with a warning, as it may be a snapshot") {
  Restarts file("{\"a\":1}\n");
  std::filesystem::copy_file(file.path, file.path + ".copy");
  std::filesystem::remove(file.path);
  std::filesystem::rename(file.path + ".copy", file.path);
  if (std::filesystem::exists(file.path)) append_file(file.path, "{\"b\":2}\n");
  // The system may have given the copy the number of the file that was removed.
  file.saved->inode += 1000;
  CHECK(file.go_on() == "{\"b\":2}\n");
  CHECK(file.noticed("it is taken as its copy"));
  // It may as well be a snapshot that was changed in between.
  CHECK(file.warned);
  CHECK(file.noticed("run it with --from-start"));
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

TEST_CASE("Half a last line stays unread until it is whole, and each run says so") {
  Restarts file("{\"a\":1}\n{\"n\":2");
  CHECK(file.saved->offset == 8);
  CHECK(file.go_on().empty());
  CHECK(file.noticed("The last 6 bytes of " + file.path + ", from byte 8 on, have no newline"));
  CHECK(file.warned);
  SECTION("by a newline that comes later") {
    append_file(file.path, "}\n");
    CHECK(file.go_on() == "{\"n\":2}\n");
  }
  SECTION("or without one") {
    append_file(file.path, "}");
    CHECK(file.go_on() == "{\"n\":2}");
    CHECK_FALSE(file.warned);
    append_file(file.path, "\n{\"c\":3}\n");
    CHECK(file.go_on() == "\n{\"c\":3}\n");
  }
}

TEST_CASE("What follows a last line that was an event already is a line of its own") {
  Restarts file("{\"a\":1}");
  CHECK(file.saved->offset == 7);
  const auto more =
      GENERATE("\n{\"b\":2}\n", "\r\n{\"b\":2}\n", "{\"b\":2}\n", "half\n{\"b\":2}\n");
  append_file(file.path, more);
  CHECK(file.go_on() == more);
  CHECK(file.begin == 7);
}

TEST_CASE("A last line that is whole but no event stays unread until its newline has come") {
  const auto line = GENERATE("[1,2]", "\"text\"", "{\"a\":1}x", "{\"a\":\"\xFF\"}");
  Restarts file("{}\n" + std::string(line));
  CHECK(file.saved->offset == 3);
  append_file(file.path, "\n");
  CHECK(file.go_on() == line + std::string("\n"));
}

TEST_CASE("Blanks behind the last newline are passed over without a word") {
  Restarts file("{\"a\":1}\n \t\r");
  CHECK(file.go_on().empty());
  CHECK(file.notices.size() == 1);  // that it is read on
}

TEST_CASE("A file with the same beginning is no continuation of another one") {
  // As a nightly snapshot: the first 4 KiB are those of yesterday, what comes then is not.
  const std::string head = "{\"who\":\"" + kLong + "\"}\n";
  const std::string rest = "{\"a\":1}\n{\"b\":2}\n";
  const std::string changed = "{\"a\":3}\n{\"b\":4}\n{\"c\":5}\n";
  Restarts file(head + rest);
  SECTION("put in its place by mv") {
    write_file(file.path + ".new", head + changed);
    std::filesystem::rename(file.path + ".new", file.path);
    CHECK(file.go_on() == head + changed);
    CHECK(file.noticed("is another file than the one of which"));
  }
  SECTION("written over it by cat") {
    write_file(file.path, head + changed);
    CHECK(file.go_on() == head + changed);
    CHECK(file.noticed("was written anew"));
  }
  SECTION("with as many bytes as were read") {
    write_file(file.path, head + "{\"a\":1}\n{\"b\":3}\n");
    CHECK(file.go_on() == head + "{\"a\":1}\n{\"b\":3}\n");
  }
  CHECK(file.warned);
}

TEST_CASE("What was read by small chunks is known again by all of them") {
  Restarts file("{\"a\":1}\n");
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.go_on() == "{\"b\":2}\n");
  append_file(file.path, "{\"c\":3}\n");
  CHECK(file.go_on() == "{\"c\":3}\n");
  write_file(file.path, "{\"a\":1}\n{\"b\":4}\n{\"c\":3}\n{\"d\":4}\n");
  CHECK(file.saved->tail_size == 8);  // of the last run
  append_file(file.path, "{\"e\":5}\n");
  write_file(file.path, "{\"a\":1}\n{\"b\":2}\n{\"c\":5}\n{\"d\":4}\n");
  // The beginning is shorter than a page, so it tells as well.
  CHECK(file.go_on() == "{\"a\":1}\n{\"b\":2}\n{\"c\":5}\n{\"d\":4}\n");
}

TEST_CASE("A position without a tail, of an older state, counts only where a line ends") {
  Restarts file("{\"a\":1}\n{\"b\":2}\n");
  file.saved->tail_size = 0;
  file.saved->tail.clear();
  file.saved->fingerprint_size = 8;
  file.saved->fingerprint = Restarts("{\"a\":1}\n").saved->fingerprint;
  SECTION("as it does") {
    append_file(file.path, "{\"c\":3}\n");
    CHECK(file.go_on() == "{\"c\":3}\n");
  }
  SECTION("in the same file") {
    append_file(file.path, "{\"c\":3}\n");
    file.saved->offset = 12;
    CHECK(file.go_on() == "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
    CHECK(file.warned);
  }
}

TEST_CASE("A line that is too long and ends the file is read on behind it by the next run") {
  Restarts file("a\n" + std::string(penstock::kMaxEventBytes * 2, 'x'));
  CHECK(file.saved->offset == 2 + penstock::kMaxEventBytes * 2);
  append_file(file.path, "\n{}\n");
  CHECK(file.go_on() == "\n{}\n");
}

TEST_CASE("NULs before a line are passed over, however many") {
  const TemporaryDirectory directory;
  const std::size_t nuls = GENERATE(1, 300'000, 3'000'000);
  const std::string hole(nuls, '\0');
  const Lines lines = read_file(directory, hole + "{\"a\":1}\n" + hole + "{\"b\":2}\n" + hole);
  CHECK(lines.oversized == 0);
  std::string text = lines.text;
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  CHECK(text == "{\"a\":1}\n{\"b\":2}\n");
  REQUIRE(lines.saved);
  CHECK(lines.saved->offset == 2 * nuls + 16);
}

TEST_CASE("Reading can go on from any line of a chunk") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("events");
  const std::string before = GENERATE(std::string("{\"a\":1}\n"), kLong + "\n");
  write_file(path, before + "{\"b\":2}\n{\"c\":3}\n");
  auto source = penstock::source::open(file_source(path));
  REQUIRE(source.ok());
  Chunk chunk;
  REQUIRE(*(*source)->next(chunk));
  for (const std::size_t offset : {std::size_t{0}, before.size(), before.size() + 8}) {
    INFO(offset);
    const auto saved = penstock::source::saved_at(chunk, offset);
    REQUIRE(saved.ok());
    REQUIRE(saved->has_value());
    CHECK((*saved)->offset == offset);
    auto again = penstock::source::open(file_source(path), *saved);
    REQUIRE(again.ok());
    CHECK(read_all(**again, offset).text == (before + "{\"b\":2}\n{\"c\":3}\n").substr(offset));
  }
}

TEST_CASE("A file with a hole before its lines is read on after a restart") {
  Restarts file(std::string(10'000, '\0') + "{\"a\":1}\n");
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.go_on() == "{\"b\":2}\n");
  CHECK_FALSE(file.warned);
}

TEST_CASE("A file that can hold no event is refused, with its form and what to do") {
  const struct {
    std::string content;
    const char* named;
  } cases[] = {
      {"\x1F\x8B\x08 and so on\n more", "compressed with gzip"},
      {"\x28\xB5\x2F\xFD and so on", "zstdcat FILE"},
      {std::string("\xFF\xFE{\0}\0\n\0", 8), "is written in UTF-16"},
      {std::string("{\0\"\0a\0\"\0:\0"
                   "1\0}\0\r\0\n\0",
                   18),
       "iconv -f UTF-16LE -t UTF-8"},
      {std::string("\0{\0\"\0a\0\"\0:\0"
                   "1\0}\0\n",
                   16),
       "iconv -f UTF-16BE -t UTF-8"},
      {"{\"a\":1}\r{\"b\":2}\r{\"c\":3}\r", "with a carriage return alone"},
      {"[\n  {\"a\": 1},\n  {\"b\": 2}\n]\n", "jq -c '.[]' FILE"},
      {"[\n{\"a\": 1},\n{\"b\"", "holds a JSON array"},
      {"[{\"a\": 1}, {\"b\": 2}]", "jq -c '.[]' FILE"},
      {" [ {\"a\": 1}]\n", "holds a JSON array"},
      {"\xEF\xBB\xBF[{\"a\": 1}]\n", "holds a JSON array"},
      {"{\"a\": \"}{\"}{\"b\": 2}", "one after another without an end of a line"},
      {"{\"a\": [1]} {\"b\": 2} {\"c", "jq -c . FILE"},
      {"{\n  \"a\": [1, true, \"x\\\"y\"]\n}\n{\n  \"b\": {}\n}\n", "jq -c . FILE"},
  };
  for (const auto& [content, named] : cases) {
    INFO(content);
    const TemporaryDirectory directory;
    write_file(directory.file("events"), content);
    auto source = penstock::source::open(file_source(directory.file("events")));
    REQUIRE(source.ok());
    Chunk chunk;
    auto more = (*source)->next(chunk);
    REQUIRE(!more.ok());
    CHECK(more.status().code() == penstock::StatusCode::bad_input);
    CHECK(more.status().message().find(named) != std::string::npos);
    CHECK(more.status().message().find(directory.file("events")) != std::string::npos);
  }
}

TEST_CASE("A file that holds an event is read, whatever some other line of it looks like") {
  const TemporaryDirectory directory;
  const auto content = GENERATE(
      std::string("[\n{\"a\":1}\n{\"b\":2}\n"), std::string("[{\"a\":1},\n{\"b\":2}\n"),
      std::string("{\"half\":\n{\"b\":2}\n"), std::string("{\n\"a\":1\n}\n{\"b\":2}\n"),
      std::string("\x1F\x8B\x08 no gzip\n{\"b\":2}\n"), std::string("\xFF\xFE\n{\"b\":2}\n"),
      std::string("{\"a\":1}\r{\"b\":2}\n{\"c\":3}\n"), std::string("{\"a\":1}\r\n{\"b\":2}\r\n"),
      std::string("{\"a\":1}\r\r\n{\"b\":2}\r\r\n"), std::string("[1,2]\n{\"b\":2}\n"),
      std::string("[{\"a\":1}]\n{\"b\":2}\n"), std::string("{\"a\":1}{\"b\":2}\n{\"c\":3}\n"),
      std::string("{\"a\":\"cut off\n{\"b\":2}\n"), std::string("\xEF\xBB\xBF{\"a\":1}\n"),
      std::string("[\n"), std::string("{\"a\":1}\n[\n{\"b\":2},\n{\"c\":3}\n]\n"));
  INFO(content);
  CHECK(read_file(directory, content).text == content);
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
  const auto saved = chunk.saved;
  REQUIRE(saved);
  CHECK(saved->fingerprint_size == 8);
  CHECK(saved->offset == 8);
  CHECK(saved->path == path);
}

TEST_CASE("A fingerprint is the SHA-256 of the first 4096 bytes, or of all where there are fewer") {
  Restarts small("abc\n");
  CHECK(small.saved->fingerprint ==
        "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb");
  CHECK(small.saved->fingerprint_size == 4);
  Restarts large(kLong + "\n");
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
  CHECK_FALSE(chunk.saved);  // a stream cannot be read again
  REQUIRE(*(*source)->next(chunk));
  CHECK(std::string(chunk.bytes.get(), chunk.size) == "{}\n");
  writer.join();
  REQUIRE(::dup2(saved, STDIN_FILENO) == STDIN_FILENO);
  ::close(saved);
  ::close(ends[0]);
  ::close(ends[1]);
}
