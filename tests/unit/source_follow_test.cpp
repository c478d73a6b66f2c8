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
#include <thread>
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

  void open(const std::optional<SavedPosition>& from = std::nullopt) {
    SourceConfig config;
    config.path = path;
    config.follow = true;
    config.rotate_wait = rotate_wait;
    auto opened = penstock::source::open(config, from, false, [this](const Notice& notice) {
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
    saved = chunk.saved;
    chunk_reached = chunk.reached;
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
    source.reset();
    return saved.value_or(SavedPosition{});
  }
  std::string notices() {
    const std::lock_guard lock(mutex_);
    return notices_;
  }

  // Waits until the source has said this.
  void expect_notice(const std::string& what) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (notices().find(what) == std::string::npos) {
      INFO(notices());
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  std::string path;
  std::chrono::milliseconds rotate_wait{60'000};
  std::optional<SavedPosition> saved;
  std::unique_ptr<penstock::source::Source> source;
  Chunk chunk;
  penstock::Position begin;
  penstock::Position end;
  penstock::Position chunk_reached;

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
  const penstock::Position old_end = file.end;
  const auto old_saved = file.saved;
  fs::rename(file.path, file.path + ".1");
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
  CHECK(file.begin.offset == 0);
  CHECK(file.begin.generation == old_end.generation + 1);
  CHECK(file.notices().find("names a new file") != std::string::npos);
  // Each generation's positions are those of its file.
  REQUIRE((old_saved && file.saved));
  CHECK(old_saved->inode != file.saved->inode);
  CHECK(old_saved->offset == 8);
  CHECK(file.saved->offset == 8);
  REQUIRE(file.saved->former.size() == 1);
  CHECK(file.saved->former[0] == static_cast<penstock::FilePosition>(*old_saved));
}

TEST_CASE("What is written to a renamed file comes, although the new one is read already") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  fs::rename(file.path, file.path + ".1");
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
  append_file(file.path + ".1", "{\"late\":1}\n");  // its writer has not noticed yet
  CHECK(file.next() == "{\"late\":1}\n");
  CHECK(file.begin.offset == 8);
  CHECK(file.chunk_reached.offset == 8);
  append_file(file.path, "{\"c\":3}\n");
  CHECK(file.next() == "{\"c\":3}\n");
  append_file(file.path + ".1", "{\"later\":1}\n");
  CHECK(file.next() == "{\"later\":1}\n");
  SECTION("over a restart, too") {
    const SavedPosition saved = file.finish();
    append_file(file.path + ".1", "{\"last\":1}\n");
    append_file(file.path, "{\"d\":4}\n");
    file.open(saved);
    CHECK(file.next() == "{\"last\":1}\n");
    CHECK(file.next() == "{\"d\":4}\n");
    CHECK(file.saved->former.at(0).offset == 42);
  }
  SECTION("until nothing came for rotate_wait") {
    CHECK(file.silent());
  }
}

TEST_CASE("A renamed file is given up after rotate_wait, and what is written then is named") {
  Followed file;
  file.rotate_wait = std::chrono::milliseconds(100);
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  fs::rename(file.path, file.path + ".1");
  append_file(file.path + ".1", "{\"b\":2}");  // no newline, but nothing comes any more
  append_file(file.path, "{\"c\":3}\n");
  std::string both = file.next();
  both += file.next();
  CHECK(both == "{\"c\":3}\n{\"b\":2}");
  CHECK(file.saved->former.empty());
  append_file(file.path + ".1", "{\"too\":\"late\"}\n");
  file.expect_notice("15 bytes were written to " + file.path + ".1 after nothing had come");
  CHECK(file.notices().find("its byte 15 is where they begin") != std::string::npos);
}

TEST_CASE("A renamed file is not given up while a process has it open for writing") {
  Followed file;
  file.rotate_wait = std::chrono::milliseconds(100);
  append_file(file.path, "{\"a\":1}\n");
  std::ofstream writer(file.path, std::ios::app);
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  fs::rename(file.path, file.path + ".1");
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
  for (int i = 0; i < 8; ++i) CHECK(file.silent());  // far longer than rotate_wait
  writer << "{\"late\":1}\n" << std::flush;
  CHECK(file.next() == "{\"late\":1}\n");
}

TEST_CASE("A followed file that is replaced by a copy of itself and more is read on") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n{\"b\":2}\n{\"ha");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n{\"b\":2}\n");
  CHECK(file.silent());  // half a line is in hand
  append_file(file.path + ".new", "{\"a\":1}\n{\"b\":2}\n{\"half\":3}\n{\"c\":4}\n");
  fs::rename(file.path + ".new", file.path);
  CHECK(file.next() == "{\"half\":3}\n{\"c\":4}\n");
  CHECK(file.begin.offset == 16);
  CHECK(file.notices().find("taken as a copy") != std::string::npos);
}

TEST_CASE("A followed file that is written anew with the same beginning is read from its start") {
  Followed file;
  const std::string head = "{\"who\":\"" + std::string(5'000, 'w') + "\"}\n";
  append_file(file.path, head + "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == head + "{\"a\":1}\n");
  CHECK(file.silent());  // it has been read to its end
  std::ofstream(file.path, std::ios::binary) << head << "{\"b\":2}\n{\"c\":3}\n";
  CHECK(file.next() == head + "{\"b\":2}\n{\"c\":3}\n");
}

TEST_CASE("A followed file that does not exist is waited for, and this is said once") {
  Followed file;
  const bool directory_there = GENERATE(true, false);
  if (!directory_there) file.path = file.path + ".d/events";
  file.open();
  CHECK(file.silent());
  fs::create_directories(fs::path(file.path).parent_path());
  append_file(file.path, "{\"a\":1}\n");
  CHECK(file.next() == "{\"a\":1}\n");
  const std::string said = file.notices();
  CHECK(said.find("does not exist") != std::string::npos);
  CHECK(said.find("does not exist") == said.rfind("does not exist"));
  CHECK((said.find("neither does its directory") != std::string::npos) == !directory_there);
}

TEST_CASE("A followed file that comes back is read on from where it was") {
  Followed file;
  append_file(file.path, "{\"a\":1}\n");
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  const SavedPosition saved = file.finish();
  // As on a file system that is not mounted yet.
  fs::create_directory(file.path + ".away");
  fs::rename(file.path, file.path + ".away/events");
  file.open(saved);
  CHECK(file.silent());
  fs::rename(file.path + ".away/events", file.path);
  append_file(file.path, "{\"b\":2}\n");
  CHECK(file.next() == "{\"b\":2}\n");
}

TEST_CASE("stop() ends a source that waits for its file to appear") {
  Followed file;
  file.open();
  CHECK(file.silent());
  file.finish();
}

TEST_CASE("A file behind a symbolic link is found again next to its target") {
  // As Kubernetes has it: containers/x.log -> pods/x/0.log, which is rotated beside itself.
  Followed file;
  const std::string pods = file.path + ".pods";
  fs::create_directory(pods);
  append_file(pods + "/0.log", "{\"a\":1}\n");
  fs::create_symlink(pods + "/0.log", file.path);
  file.open();
  CHECK(file.next() == "{\"a\":1}\n");
  SECTION("rotated while it is followed") {
    fs::rename(pods + "/0.log", pods + "/0.log.20260101");
    append_file(pods + "/0.log", "{\"b\":2}\n");
    CHECK(file.next() == "{\"b\":2}\n");
  }
  SECTION("rotated while nobody read") {
    const SavedPosition saved = file.finish();
    append_file(pods + "/0.log", "{\"rest\":1}\n");
    fs::rename(pods + "/0.log", pods + "/0.log.20260101");
    append_file(pods + "/0.log", "{\"b\":2}\n");
    file.open(saved);
    CHECK(file.next() == "{\"rest\":1}\n");
    CHECK(file.next() == "{\"b\":2}\n");
  }
  SECTION("with the link led elsewhere while nobody read, as after a restart of the container") {
    const SavedPosition saved = file.finish();
    append_file(pods + "/0.log", "{\"rest\":1}\n");
    fs::create_directory(pods + ".new");
    append_file(pods + ".new/1.log", "{\"b\":2}\n");
    fs::remove(file.path);
    fs::create_symlink(pods + ".new/1.log", file.path);
    file.open(saved);
    CHECK(file.next() == "{\"rest\":1}\n");
    CHECK(file.next() == "{\"b\":2}\n");
  }
  SECTION("and where it is gone, what may be missing is said") {
    const SavedPosition saved = file.finish();
    fs::remove(pods + "/0.log");
    append_file(pods + "/0.log.new", "{\"other\":\"file\"}\n");
    fs::rename(pods + "/0.log.new", pods + "/0.log");
    SavedPosition another = saved;
    another.inode += 1'000'000;
    file.open(another);
    CHECK(file.next() == "{\"other\":\"file\"}\n");
    CHECK(file.notices().find("what was written to it behind byte 8, if anything, is not read") !=
          std::string::npos);
  }
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
