// Held-out text for the tests of the causality gate: prose with numbers, quotes, blank lines and runs of
// blanks.
#pragma once

#include "data/corpus.h"

namespace aunet {

inline const Corpus& held_out() {
  static const Corpus corpus = [] {
    std::vector<std::string> texts;
    const std::string prose =
        "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals, when it "
        "was checked by a violent gust of wind which swept up the streets (for it is in London that our "
        "scene "
        "lies), rattling along the house-tops, and fiercely agitating the scanty flame of the 12 lamps that "
        "struggled against the darkness.\n\n  Through one of the obscurest quarters,  and among haunts "
        "little loved by the gentlemen of the police, a man was wending his solitary way.\n \nHe stopped "
        "twice or thrice at shops 7, 1,024 and 365 -- \"Here, sir!\" -- and \xe2\x80\x9c"
        "civilly\xe2\x80\x9d asked.\n";
    for (size_t begin : {size_t{0}, size_t{17}, size_t{140}}) texts.push_back(prose.substr(begin));
    return Corpus::of(texts);
  }();
  return corpus;
}

/// All of it, one document after the other.
inline const std::string& held_out_text() {
  static const std::string text = [] {
    std::string all;
    for (int64_t d = 0; d < held_out().n_documents(); ++d) all += held_out().text(d);
    return all;
  }();
  return text;
}

}  // namespace aunet
