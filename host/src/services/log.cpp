#include "services/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "gate/escape.hpp"
#include "gate/secrets.hpp"
#include "gate/shapes.hpp"

namespace penstock::services {

namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

const char* level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    default:
      return "error";
  }
}

void append_time(std::string& out, spdlog::log_clock::time_point time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch - seconds).count();
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[48];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text, size);
  std::snprintf(text, sizeof text, ".%03dZ", static_cast<int>(milliseconds));
  out += text;
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const gate::Medium medium =
        format_ == LogFormat::json ? gate::Medium::json : gate::Medium::line;
    const std::string component =
        gate::escaped({message.logger_name.data(), message.logger_name.size()}, medium);
    const std::string payload =
        gate::escaped(gate::mask_url_passwords(
                          gate::mask_secrets({message.payload.data(), message.payload.size()})),
                      medium);
    std::string line;
    if (format_ == LogFormat::json) {
      line += R"({"time":")";
      append_time(line, message.time);
      line += R"(","level":")";
      line += level_name(message.level);
      line += R"(","component":")";
      line += component;
      line += R"(","message":")";
      line += payload;
      line += R"("})";
    } else {
      append_time(line, message.time);
      line += ' ';
      line += level_name(message.level);
      line += ' ';
      line += component;
      line += ": ";
      line += payload;
    }
    out.append(line.data(), line.data() + line.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineSink() : base_sink(std::make_unique<LineFormatter>(LogFormat::text)) {
    set_level(spdlog::level::info);
  }

  void redirect(std::function<void(std::string_view)> target) {
    const std::lock_guard<std::mutex> lock(mutex_);
    target_ = std::move(target);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (target_) {
      target_({line.data(), line.size()});
      return;
    }
    line.push_back('\n');
    // There is nowhere to say that stderr cannot be written to.
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
  }
  void flush_() override {}  // stderr is unbuffered

  std::function<void(std::string_view)> target_;
};

LineSink& the_sink() {
  // Never destroyed: threads of plugins may log while the process ends.
  static LineSink* const sink = new LineSink();
  return *sink;
}

}  // namespace

void start_log(LogFormat format, LogLevel lowest) {
  the_sink().set_formatter(std::make_unique<LineFormatter>(format));
  the_sink().set_level(spdlog_level(lowest));
}

bool log_enabled(LogLevel level) {
  return the_sink().should_log(spdlog_level(level));
}

void log(LogLevel level, std::string_view component, std::string_view message) {
  if (!log_enabled(level)) return;
  the_sink().log(spdlog::details::log_msg(spdlog::string_view_t(component.data(), component.size()),
                                          spdlog_level(level),
                                          spdlog::string_view_t(message.data(), message.size())));
}

void set_log_sink(std::function<void(std::string_view line)> sink) {
  the_sink().redirect(std::move(sink));
}

}  // namespace penstock::services
