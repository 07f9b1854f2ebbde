/* Ranks results of the search: pages whose title has what was asked for come first, then pages that explain, then the reference. */

const asked = () => {
  const query = new URLSearchParams(window.location.search).get("q") || "";
  return splitQuery(query.toLowerCase());
};

const stems = (words) => {
  const stemmer = new Stemmer();
  return words.map((word) => stemmer.stemWord(word));
};

var Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    const words = stems(asked());
    const found = new Set(stems(splitQuery(title.toLowerCase())));
    const share = words.filter((word) => found.has(word)).length / Math.max(words.length, 1);
    const explains = /^(howto|tutorials|coming_from)\//.test(docname);
    return score + 15 * share + (explains ? 6 : 0) - (anchor ? 4 : 0) - (docname === "design" ? 8 : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
