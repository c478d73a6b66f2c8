#include "services/pkce.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

namespace penstock::services {
namespace {

// 43 characters of the verifier, the least that RFC 7636 (4.1) allows and what it recommends.
constexpr std::size_t kVerifierBytes = 32;

std::string base64url(const unsigned char* bytes, std::size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace

std::string pkce_challenge(std::string_view verifier) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(verifier.data(), verifier.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return base64url(digest.data(), size);
}

Result<Pkce> make_pkce() {
  std::array<unsigned char, kVerifierBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return Status{StatusCode::internal, "the system gives no random numbers"};
  Pkce pkce;
  pkce.verifier = Secret(base64url(bytes.data(), bytes.size()));
  pkce.challenge = pkce_challenge(pkce.verifier.reveal());
  return pkce;
}

}  // namespace penstock::services
