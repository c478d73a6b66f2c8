#include "sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace penstock::linkedin {
namespace {

struct FreeDigest {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Fetching takes twice as long as hashing an e-mail address, so it is done once.
const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, FreeDigest> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  if (digest == nullptr) throw std::runtime_error("OpenSSL offers no SHA-256");
  return digest.get();
}

// The two digits of each byte: one look-up a byte, not two.
constexpr std::array<std::array<char, 2>, 256> kByteDigits = [] {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte)
    table[byte] = {kDigits[byte >> 4], kDigits[byte & 0x0F]};
  return table;
}();

Context ready_context() {
  Context context(EVP_MD_CTX_new());
  if (context == nullptr || EVP_DigestInit_ex2(context.get(), sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL could not prepare SHA-256");
  }
  return context;
}

}  // namespace

Sha256Hex sha256_hex(std::string_view text) {
  thread_local const Context context = ready_context();
  std::array<unsigned char, kSha256HexSize / 2> digest;
  unsigned int size = 0;
  // Without a digest the context starts over with the one that it has.
  if (EVP_DigestInit_ex2(context.get(), nullptr, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1 || size != digest.size()) {
    throw std::runtime_error("OpenSSL could not hash");
  }
  Sha256Hex hex;
  for (std::size_t i = 0; i < digest.size(); ++i)
    std::memcpy(&hex[2 * i], kByteDigits[digest[i]].data(), 2);
  return hex;
}

std::string sha512_hex(std::string_view text) {
  std::array<unsigned char, kSha512HexSize / 2> digest;
  std::size_t size = 0;
  if (EVP_Q_digest(nullptr, "SHA512", nullptr, text.data(), text.size(), digest.data(), &size) !=
          1 ||
      size != digest.size()) {
    throw std::runtime_error("OpenSSL offers no SHA-512");
  }
  std::string hex;
  hex.reserve(kSha512HexSize);
  for (const unsigned char byte : digest) hex.append(kByteDigits[byte].data(), 2);
  return hex;
}

}  // namespace penstock::linkedin
