// Status and Result: the one way in which the host reports that something went wrong.
//
// A Status is either ok or a code with a message for a person: what was tried, on what, what was
// found, what to do. The code decides the exit code of the command (README.md, after
// sysexits.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace penstock {

enum class StatusCode : std::uint8_t {
  ok,
  failed,         // a check or verification said no                        exit 1
  usage,          // the command line is wrong                               exit 64
  bad_input,      // the input data cannot be read as what it should be     exit 65
  unavailable,    // the destination cannot be reached                       exit 69
  internal,       // a fault of Penstock or of a plugin                      exit 70
  io,             // the operating system refused a read or write            exit 74
  damaged,        // what is stored cannot be trusted                        exit 74
  pending,        // stopped with records that are not delivered             exit 75
  authorization,  // a person has to log in                                  exit 77
  configuration,  // a manifest or setting is wrong                          exit 78
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : detail_(std::make_unique<Detail>(Detail{code, std::move(message)})) {}

  Status(const Status& other)
      : detail_(other.detail_ ? std::make_unique<Detail>(*other.detail_) : nullptr) {}
  Status& operator=(const Status& other) {
    if (this != &other)
      detail_ = other.detail_ ? std::make_unique<Detail>(*other.detail_) : nullptr;
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  [[nodiscard]] bool ok() const { return detail_ == nullptr; }
  [[nodiscard]] StatusCode code() const { return detail_ ? detail_->code : StatusCode::ok; }
  // Empty when ok. The reference lives as long as this Status.
  [[nodiscard]] const std::string& message() const;
  // The same failure, said in a wider context: "context: message".
  [[nodiscard]] Status with_context(const std::string& context) const;

 private:
  struct Detail {
    StatusCode code;
    std::string message;
  };
  std::unique_ptr<Detail> detail_;  // null when ok, so that an ok Status costs one pointer
};

// The exit code of a command that ended with this status (sysexits.h values, README.md).
[[nodiscard]] int exit_code(StatusCode code);

// A T, or the Status that says why there is none. Reading the value of a failed Result is a
// programming error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : content_(std::in_place_index<1>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Status status)
      : content_(std::in_place_index<0>, std::move(status)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return content_.index() == 1; }
  [[nodiscard]] Status status() const { return ok() ? Status() : std::get<0>(content_); }
  [[nodiscard]] T& value() & { return std::get<1>(content_); }
  [[nodiscard]] const T& value() const& { return std::get<1>(content_); }
  [[nodiscard]] T&& value() && { return std::get<1>(std::move(content_)); }
  T* operator->() { return &std::get<1>(content_); }
  const T* operator->() const { return &std::get<1>(content_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  std::variant<Status, T> content_;
};

}  // namespace penstock

#define PENSTOCK_CONCAT_INNER(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_INNER(a, b)

// Leave the function with this Status unless it is ok.
#define RETURN_IF_ERROR(expression)                                               \
  do {                                                                            \
    if (::penstock::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
// declaration = value of the Result, or leave the function with its Status.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(PENSTOCK_CONCAT(result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return result.status();                     \
  declaration = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)
