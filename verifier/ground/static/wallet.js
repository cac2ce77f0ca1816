// While a page waits for a wallet, ask every two seconds whether anything changed, and load the page anew then.
// Without this script the page's own button does the same.
const waiting = document.getElementById("waiting");
if (waiting) {
  const ask = async () => {
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "application/json" }, redirect: "manual" });
      const stage = answer.ok ? (await answer.json()).stage : "over";
      if (stage !== waiting.dataset.stage) return location.replace(location.pathname);
    } catch {
      // no network for a moment: the next round asks again
    }
    if (Date.now() < until) setTimeout(ask, 2000);
  };
  const until = Date.now() + 15 * 60 * 1000;
  setTimeout(ask, 2000);
}
