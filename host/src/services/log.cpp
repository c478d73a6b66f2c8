#include "services/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace penstock::services {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

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

// Bytes of the well-formed UTF-8 character (RFC 3629) at the start of `text`, or 0.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  return overlong || beyond ? 0 : length;
}

void append_byte_escape(std::string& out, unsigned char byte, LogFormat format) {
  // JSON has no escape for a byte: there it becomes text that shows the byte.
  out += format == LogFormat::json ? "\\\\x" : "\\x";
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0x0FU];
}

void append_control(std::string& out, unsigned char byte, LogFormat format) {
  switch (byte) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (format == LogFormat::json) {
    out += "\\u00";
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 0x0FU];
  } else {
    append_byte_escape(out, byte, format);
  }
}

void append_escaped(std::string& out, std::string_view text, LogFormat format) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = character_length(text);
    if (length == 0) {
      append_byte_escape(out, lead, format);
    } else if (lead < 0x20 || lead == 0x7F) {
      append_control(out, lead, format);
    } else if (lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0) {
      append_control(out, static_cast<unsigned char>(text[1]), format);  // U+0080 to U+009F
    } else {
      if (format == LogFormat::json && (lead == '"' || lead == '\\')) out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
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
    const std::string_view component(message.logger_name.data(), message.logger_name.size());
    const std::string_view payload(message.payload.data(), message.payload.size());
    std::string line;
    if (format_ == LogFormat::json) {
      line += R"({"time":")";
      append_time(line, message.time);
      line += R"(","level":")";
      line += level_name(message.level);
      line += R"(","component":")";
      append_escaped(line, component, format_);
      line += R"(","message":")";
      append_escaped(line, payload, format_);
      line += R"("})";
    } else {
      append_time(line, message.time);
      line += ' ';
      line += level_name(message.level);
      line += ' ';
      append_escaped(line, component, format_);
      line += ": ";
      append_escaped(line, payload, format_);
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
