// Guards following a file: what is appended comes, each line once it is whole, and a file that is
// replaced or emptied loses nothing.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "source/source.hpp"

namespace {

namespace fs = std::filesystem;
using penstock::SavedPosition;
using penstock::SourceConfig;
using penstock::source::Chunk;
using penstock::source::Notice;

void append_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::app) << content;
}

// A followed file, read by another thread.
class Followed {
 public:
  Followed() {
    std::string name = (fs::temp_directory_path() / "penstock_follow_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    path = directory_ + "/events";
  }
  ~Followed() {
    finish();
    fs::remove_all(directory_);
  }
  Followed(const Followed&) = delete;
  Followed& operator=(const Followed&) = delete;

  void open(const std::optional<SavedPosition>& saved = std::nullopt) {
    SourceConfig config;
    config.path = path;
    config.follow = true;
    auto opened = penstock::source::open(config, saved, false, [this](const Notice& notice) {
      const std::lock_guard lock(mutex_);
      notices_ += notice.text + "\n";
    });
    INFO(opened.status().message());
    REQUIRE(opened.ok());
    source = std::move(opened).value();
    read_ahead();
  }
  // The next chunk's text; fails the test when none comes.
  std::string next() {
    // Far longer than any wait of the source, so that a failure is no slow machine.
    REQUIRE(pending_.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
    REQUIRE(pending_.get());
    const std::string text(chunk.bytes.get(), chunk.size);
    end = chunk.end;
    begin = chunk.begin;
    read_ahead();
    return text;
  }
  // Whether the source says nothing for a while.
  bool silent() {
    return pending_.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout;
  }
  // The position behind the last chunk, as after the end of the process.
  SavedPosition finish() {
    if (source == nullptr) return {};
    source->stop();
    const bool more = pending_.valid() && pending_.get();
    CHECK_FALSE(more);
    const auto saved = source->saved(end);
    source.reset();
    return saved.value_or(SavedPosition{});
  }
  std::string notices() {
    const std::lock_guard lock(mutex_);
    return notices_;
  }

  std::string path;
  std::unique_ptr<penstock::source::Source> source;
  Chunk chunk;
  penstock::Position begin;
  penstock::Position end;

 private:
  void read_ahead() {
    pending_ = std::async(std::launch::async, [this] {
      const auto more = source->next(chunk);
      return more.ok() && *more;
    });
  }

  std::string directory_;
  std::future<bool> pending_;
  std::mutex mutex_;
  std::string notices_;
};

}  // namespace

TEST_CASE("What is appended to a followed file comes, a line once its newline is there") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n{\"b\"");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  CHECK(file.silent());
  append_file(file.path, ":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
  CHECK(file.begin.offset == 8);
  CHECK(file.end.offset == 16);
}

TEST_CASE("A followed file goes on after a restart where it was, half lines included") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n{\"b\"");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  const SavedPosition saved = file.finish();
  CHECK(saved.offset == 8);
  append_file(file.path, ":2}\n");
  file.open(saved);
  CHECK(file.next() == "{\"b\":2}\n");
}

TEST_CASE("A replaced file is read to its end, and then the new one from its start") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  fs::rename(file.path, file.path + ".1");
  append_file(file.path + ".1", "{\"late\":1}\n");  // its writer has not noticed yet
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"late\":1}\n");
  append_file(file.path + ".1", "{\"later\":1}");  // no newline, but nothing comes any more
  CHECK(file.next() == "{\"later\":1}");
  const penstock::Position old_end = file.end;
  CHECK(file.next() == "{\"b\":2}\n");
  CHECK(file.begin.offset == 0);
  CHECK(file.begin.generation == old_end.generation + 1);
  CHECK(file.notices().find("names a new file") != std::string::npos);
  // Each generation's positions are those of its file.
  const auto old_saved = file.source->saved(old_end);
  const auto new_saved = file.source->saved(file.end);
  REQUIRE((old_saved && new_saved));
  CHECK(old_saved->inode != new_saved->inode);
  CHECK(old_saved->offset == 30);
  CHECK(new_saved->offset == 8);
}

TEST_CASE("A file that is moved away is waited for until there is a new one") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  fs::rename(file.path, file.path + ".1");
  CHECK(file.silent());
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
}

TEST_CASE("A file that was moved away while nobody read is read to its end first") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  const SavedPosition saved = file.finish();
  append_file(file.path, "{\"b\":2}\n");
  fs::rename(file.path, file.path + ".1");
  const bool new_file_there = GENERATE(true, false);
  if (new_file_there) append_file(file.path, "{\"c\":3}\n");
  file.open(saved);
  CHECK(file.next() == "{\"b\":2}\n");
  CHECK(file.begin.offset == 8);
  if (!new_file_there) append_file(file.path, "{\"c\":3}\n");
  CHECK(file.next() == "{\"c\":3}\n");
  CHECK(file.notices().find("is now " + file.path + ".1") != std::string::npos);
}

TEST_CASE("A file that is emptied in place is read from its start again, and this is said") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n{\"half");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  CHECK(file.silent());  // the half line has been read
  SECTION("and is shorter than before") {
    fs::resize_file(file.path, 0);
    append_file(file.path, "{\"b\"}\n");
    CHECK(file.next() == "{\"b\"}\n");
  }
  SECTION("and has grown beyond where it was before anybody looked") {
    const std::string more = "{\"b\":\"" + std::string(100, 'b') + "\"}\n";
    std::ofstream(file.path, std::ios::binary | std::ios::in) << more;
    CHECK(file.next() == more);
  }
  CHECK(file.begin.offset == 0);
  CHECK(file.begin.generation == 1);
  CHECK(file.notices().find("was cut off or written anew after 14 bytes") != std::string::npos);
  CHECK(file.notices().find("Its last 6 bytes were a line without a newline") != std::string::npos);
}

TEST_CASE("stop() ends a source that waits for a followed file to grow, or to come back") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  const bool moved_away = GENERATE(false, true);
  if (moved_away) fs::remove(file.path);
  CHECK(file.silent());
  CHECK(file.finish().offset == 8);
}

TEST_CASE("A long file that grows while it is read comes whole") {
  Followed file;
  append_file(file.path, "");
  file.open();
  std::string written;
  auto writer = std::async(std::launch::async, [&] {
    for (int i = 0; i < 3000; ++i) {
      const std::string line = "{\"line\":" + std::to_string(i) + std::string(i % 301, 'x') + "}\n";
      written += line;
      // In two pieces, so that half lines are seen.
      append_file(file.path, line.substr(0, line.size() / 2));
      append_file(file.path, line.substr(line.size() / 2));
    }
  });
  std::string read;
  while (read.find("{\"line\":2999") == std::string::npos) {
    const std::string text = file.next();
    CHECK(text.back() == '\n');
    read += text;
  }
  writer.get();
  CHECK(read == written);
}

TEST_CASE("What is no file cannot be followed") {
  SourceConfig config;
  config.follow = true;
  config.path = "/dev/null";
  config.location = {"pipeline.yaml", 3, 9};
  auto source = penstock::source::open(config);
  REQUIRE(!source.ok());
  CHECK(source.status().code() == penstock::StatusCode::configuration);
  CHECK(source.status().message().find("pipeline.yaml:3:9: source.follow: /dev/null is no regular "
                                       "file") == 0);
}
