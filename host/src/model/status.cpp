#include "model/status.hpp"

namespace penstock {

const std::string& Status::message() const {
  static const std::string kEmpty;
  return detail_ ? detail_->message : kEmpty;
}

Status Status::with_context(const std::string& context) const {
  if (ok()) return {};
  return {code(), context + ": " + message()};
}

int exit_code(StatusCode code) {
  switch (code) {
    case StatusCode::ok:
      return 0;
    case StatusCode::failed:
      return 1;
    case StatusCode::usage:
      return 64;
    case StatusCode::bad_input:
      return 65;
    case StatusCode::unavailable:
      return 69;
    case StatusCode::internal:
      return 70;
    case StatusCode::io:
    case StatusCode::damaged:
      return 74;
    case StatusCode::pending:
      return 75;
    case StatusCode::authorization:
      return 77;
    case StatusCode::configuration:
      return 78;
  }
  return 70;
}

}  // namespace penstock
