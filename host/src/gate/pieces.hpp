// Pieces of long secrets, also where a text writes them in another way: escaped as in JSON, a URL
// or HTML, once or twice, in other letters' case, with line ends or blanks in between, or cut at
// both ends. A destination that repeats a token may do any of that.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::gate {

// What a text and a secret must have in common at least. Shorter pieces stand in texts by chance,
// and give little away.
inline constexpr std::size_t kPieceBytes = 16;
// Of those remembered besides the first secrets': a run that lasts for months renews its tokens
// often. The oldest half goes when there are more. A token has some 350, each takes 9 bytes.
inline constexpr std::size_t kMostPieces = 100'000;

// From now on mask_pieces() masks the pieces of this value that hold a digit, so that no words are
// masked. Kept for the life of the process. [any-thread]
void keep_pieces(std::string_view secret);

// The text with "[secret]" for each piece of a secret that was kept. [any-thread]
[[nodiscard]] std::string mask_pieces(std::string text);

}  // namespace penstock::gate
