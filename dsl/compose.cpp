#include "dsl/compose.h"

#include <algorithm>
#include <array>
#include <vector>

#include "support/utf8.h"

namespace eligo::dsl {
namespace {

// Of each mark: its place among several (those nearer to the letter come first in the order of their classes, which
// Unicode gives), and its letters, without the mark and with it.
struct Mark {
  char32_t code;
  int order;
  std::string_view letters;
};
constexpr std::array<Mark, 17> marks = {{
    {0x0300, 230, "AÀEÈIÌNǸOÒUÙaàeèiìnǹoòuùÜǛüǜ"},
    {0x0301, 230, "AÁCĆEÉGǴIÍLĹNŃOÓRŔSŚUÚYÝZŹaácćeégǵiílĺnńoórŕsśuúyýzźÅǺÆǼØǾÜǗåǻæǽøǿüǘΑΆΕΈΗΉΙΊΟΌΥΎΩΏαάεέηήιίοόυύωώϊΐϋΰϒϓ"},
    {0x0302, 230, "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷ"},
    {0x0303, 230, "AÃIĨNÑOÕUŨaãiĩnñoõuũ"},
    {0x0304, 230, "AĀEĒIĪOŌUŪYȲaāeēiīoōuūyȳÄǞÆǢÕȬÖȪÜǕäǟæǣõȭöȫüǖǪǬǫǭȦǠȧǡȮȰȯȱ"},
    {0x0306, 230, "AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭ"},
    {0x0307, 230, "AȦCĊEĖGĠIİOȮZŻaȧcċeėgġoȯzż"},
    {0x0308, 230, "AÄEËIÏOÖUÜYŸaäeëiïoöuüyÿΙΪΥΫιϊυϋϒϔ"},
    {0x030A, 230, "AÅUŮaåuů"},
    {0x030B, 230, "OŐUŰoőuű"},
    {0x030C, 230, "AǍCČDĎEĚGǦHȞIǏKǨLĽNŇOǑRŘSŠTŤUǓZŽaǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒrřsštťuǔzžÜǙüǚƷǮʒǯ"},
    {0x030F, 230, "AȀEȄIȈOȌRȐUȔaȁeȅiȉoȍrȑuȕ"},
    {0x0311, 230, "AȂEȆIȊOȎRȒUȖaȃeȇiȋoȏrȓuȗ"},
    {0x031B, 216, "OƠUƯoơuư"},
    {0x0326, 220, "SȘTȚsștț"},
    {0x0327, 202, "CÇEȨGĢKĶLĻNŅRŖSŞTŢcçeȩgģkķlļnņrŗsştţ"},
    {0x0328, 202, "AĄEĘIĮOǪUŲaąeęiįoǫuų"},
}};

struct Follower {
  char32_t code;
  int order;
};

const Mark* find_mark(char32_t code) {
  const auto found = std::find_if(marks.begin(), marks.end(), [&](const Mark& m) { return m.code == code; });
  return found == marks.end() ? nullptr : &*found;
}

// 0: there is no such letter.
char32_t joined(char32_t letter, char32_t code) {
  const Mark* mark = find_mark(code);
  if (mark == nullptr) return 0;
  for (std::size_t at = 0; at < mark->letters.size();) {
    const Character plain = decode(mark->letters, at), with = decode(mark->letters, at + plain.length);
    if (plain.code == letter) return with.code;
    at += plain.length + with.length;
  }
  return 0;
}

void append(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// A mark joins the letter unless another of its class, left unjoined, stands between them.
void append_joined(std::string& out, char32_t letter, std::vector<Follower> followers) {
  std::stable_sort(followers.begin(), followers.end(),
                   [](const Follower& a, const Follower& b) { return a.order < b.order; });
  std::vector<Follower> left;
  for (const Follower& f : followers) {
    const bool blocked = !left.empty() && left.back().order == f.order;
    const char32_t both = blocked ? 0 : joined(letter, f.code);
    if (both != 0) letter = both;
    else left.push_back(f);
  }
  append(out, letter);
  for (const Follower& f : left) append(out, f.code);
}

}  // namespace

bool is_combining_mark(char32_t code) { return code >= 0x300 && code <= 0x36F; }

std::string composed(std::string_view text) {
  if (text.find_first_of("\xCC\xCD") == std::string_view::npos) return std::string(text);  // no mark begins otherwise
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character letter = decode(text, at);
    std::vector<Follower> followers;
    std::size_t next = at + std::max<std::size_t>(letter.length, 1);
    while (letter.length != 0 && next < text.size()) {
      const Character mark = decode(text, next);
      if (mark.length == 0 || !is_combining_mark(mark.code)) break;
      const Mark* known = find_mark(mark.code);
      followers.push_back({mark.code, known ? known->order : 230});
      next += mark.length;
    }
    if (followers.empty()) out += text.substr(at, next - at);
    else append_joined(out, letter.code, followers);
    at = next;
  }
  return out;
}

}  // namespace eligo::dsl
