#include "mail_providers.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace penstock::linkedin {
namespace {

// Sorted, so that it can be searched by halves.
// clang-format off
constexpr std::array<std::string_view, 154> kProviders = {
    "126.com", "163.com", "abv.bg", "alice.it", "aliyun.com", "arcor.de", "att.net", "azet.sk",
    "bbox.fr", "bellsouth.net", "bigpond.com", "bigpond.net.au", "bk.ru", "bluewin.ch",
    "blueyonder.co.uk", "bol.com.br", "btinternet.com", "centrum.cz", "citromail.hu",
    "comcast.net", "cox.net", "daum.net", "docomo.ne.jp", "duck.com", "earthlink.net",
    "email.com", "email.cz", "ezweb.ne.jp", "fastmail.com", "fastmail.fm", "foxmail.com",
    "free.fr", "freemail.hu", "freenet.de", "frontier.com", "gmail.com", "googlemail.com",
    "guerrillamail.com", "hanmail.net", "hetnet.nl", "hey.com", "home.nl", "hushmail.com",
    "i.ua", "icloud.com", "ig.com.br", "inbox.com", "inbox.lt", "inbox.lv", "inbox.ru",
    "interia.pl", "internet.ru", "kpnmail.nl", "laposte.net", "libero.it", "list.ru", "live.at",
    "live.be", "live.ca", "live.cl", "live.cn", "live.co.uk", "live.com", "live.com.ar",
    "live.com.au", "live.com.mx", "live.com.my", "live.com.pt", "live.com.sg", "live.de",
    "live.dk", "live.fr", "live.ie", "live.in", "live.it", "live.jp", "live.nl", "live.no",
    "live.se", "mac.com", "mail.bg", "mail.com", "mail.ee", "mail.ru", "mailbox.org",
    "mailinator.com", "me.com", "meta.ua", "msn.com", "nate.com", "naver.com", "neuf.fr",
    "ntlworld.com", "o2.pl", "onet.pl", "online.no", "op.pl", "optonline.net", "optusnet.com.au",
    "orange.fr", "planet.nl", "pm.me", "post.com", "post.cz", "posteo.de",
    "privaterelay.appleid.com", "proton.me", "protonmail.ch", "protonmail.com", "qq.com",
    "rambler.ru", "rediffmail.com", "rocketmail.com", "sapo.pt", "sbcglobal.net", "seznam.cz",
    "sfr.fr", "shaw.ca", "sina.cn", "sina.com", "skynet.be", "softbank.ne.jp", "sohu.com",
    "sympatico.ca", "t-online.de", "talktalk.net", "telenet.be", "telia.com", "terra.com.br",
    "tin.it", "tiscali.it", "tuta.io", "tutanota.com", "tutanota.de", "ukr.net", "uol.com.br",
    "usa.com", "verizon.net", "videotron.ca", "virgilio.it", "virginmedia.com", "walla.co.il",
    "walla.com", "wanadoo.fr", "web.de", "wp.pl", "xtra.co.nz", "ya.ru", "yeah.net", "ymail.com",
    "yopmail.com", "ziggo.nl", "zohomail.com", "zoznam.sk"};
// clang-format on
static_assert(std::is_sorted(kProviders.begin(), kProviders.end()));

// Providers with a domain in most countries: yahoo.fr, hotmail.co.uk, gmx.net.
constexpr std::array<std::string_view, 6> kFamilies = {"aol",     "gmx",   "hotmail",
                                                       "outlook", "yahoo", "yandex"};

// "fr", "com", "co.uk", "com.br": what stands behind the name in the domain of a country.
bool is_ending_of_country(std::string_view ending) {
  constexpr std::size_t kCountry = 2;
  constexpr std::size_t kLongest = 3;  // com, net, org
  const std::size_t dot = ending.find('.');
  if (dot == std::string_view::npos) return ending.size() <= kLongest;
  return dot <= kLongest && ending.size() - dot - 1 == kCountry;
}

}  // namespace

bool is_mail_provider(std::string_view domain) {
  if (std::binary_search(kProviders.begin(), kProviders.end(), domain)) return true;
  const std::size_t dot = domain.find('.');
  if (dot == std::string_view::npos) return false;
  return std::find(kFamilies.begin(), kFamilies.end(), domain.substr(0, dot)) != kFamilies.end() &&
         is_ending_of_country(domain.substr(dot + 1));
}

}  // namespace penstock::linkedin
