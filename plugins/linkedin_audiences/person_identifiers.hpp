// The identifiers of one person that may be sent: e-mail addresses and an advertising id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/record.hpp>

#include "sha256.hpp"

namespace penstock::linkedin {

// Reused from record to record, so that reading allocates nothing once its buffers have grown.
class PersonIdentifiers {
 public:
  // More addresses than a person has. What is beyond them is left out.
  static constexpr std::size_t kMaxEmails = 10;

  void clear();
  // An address, a hash of one, or several of them: a list, a list as JSON text, or a text that
  // separates them by commas, semicolons or white space. What is none of these is left out.
  void read_emails(sdk::Value value);
  void read_advertising_id(std::string_view raw);
  // The advertising id that was read must not be sent.
  void withhold_advertising_id();

  [[nodiscard]] bool any() const { return email_count_ > 0 || has_advertising_id(); }
  [[nodiscard]] bool has_advertising_id() const { return !advertising_id_.empty(); }
  [[nodiscard]] bool left_out_email() const { return left_out_email_; }
  [[nodiscard]] bool left_out_advertising_id() const {
    return invalid_advertising_id_ || withheld_advertising_id_;
  }

  // Tells the host each identifier that is sent.
  void name_to(const sdk::Emitter& emitter, sdk::Field email, sdk::Field advertising_id) const;
  // The JSON list of LinkedIn's userIds, in the order in which they were read.
  void append_user_ids(std::string& out) const;
  // The person is the first e-mail address, with or without a device.
  void append_coalesce_key(std::string& out) const;
  // Why nobody is identified; for a record of which nothing may be sent.
  [[nodiscard]] std::int32_t reject(const sdk::Error& error) const;

 private:
  // A hash in hex: 64 digits of SHA-256, or 128 of SHA-512.
  class EmailHash {
   public:
    void assign(std::string_view hex);
    [[nodiscard]] std::string_view hex() const { return {digits_.data(), size_}; }

   private:
    std::array<char, kSha512HexSize> digits_{};
    std::size_t size_ = 0;
  };
  enum class Read : std::uint8_t { nothing, added, invalid };
  Read add(std::string_view raw);
  void add_text(std::string_view text);
  void add_pieces(std::string_view text);
  void add_list(std::string_view json);
  [[nodiscard]] bool is_full();

  std::array<EmailHash, kMaxEmails> emails_{};
  std::size_t email_count_ = 0;
  bool left_out_email_ = false;
  std::string advertising_id_;  // "" unless it may be sent
  bool invalid_advertising_id_ = false;
  bool withheld_advertising_id_ = false;
  std::string normalised_;
};

}  // namespace penstock::linkedin
