// Narrows the list of banks while the person types. The page works the same without it: the
// form then asks the server. Only a complete list is narrowed here, for in a cut one the bank
// may be missing.
"use strict";

(function () {
  const field = document.getElementById("q");
  const list = document.getElementById("banks");
  const status = document.getElementById("filter-status");
  if (!field || !list || !status || !list.hasAttribute("data-complete")) {
    return;
  }

  const fold = (text) =>
    text.normalize("NFKD").replace(/\p{Diacritic}/gu, "").toLocaleLowerCase();
  const rows = Array.from(list.children, (element) => ({
    element,
    text: fold(element.textContent),
  }));

  const say = (count) => {
    if (count === 0) {
      return status.dataset.none;
    }
    return count === 1 ? status.dataset.one : status.dataset.many.replace("#", String(count));
  };

  field.addEventListener("input", () => {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const matches = words.every((word) => row.text.includes(word));
      row.element.hidden = !matches;
      shown += matches ? 1 : 0;
    }
    status.textContent = words.length === 0 ? "" : say(shown);
  });
})();
