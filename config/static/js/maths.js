// Sets `<span class="math inline">` and `<span class="math display">` with KaTeX, which is fetched only by pages that need it.
(() => {
  const own = document.currentScript;
  let loading;

  function fetchInto(tag, attributes) {
    return new Promise((resolve, reject) => {
      document.head.append(Object.assign(document.createElement(tag), attributes, { onload: resolve, onerror: reject }));
    });
  }

  function load() {
    loading ??= Promise.all([
      fetchInto("link", { rel: "stylesheet", href: own.dataset.katexCss }),
      fetchInto("script", { src: own.dataset.katexJs }),
    ]);
    return loading;
  }

  async function setMaths(root) {
    const places = root.querySelectorAll(".math:not([data-seen])");
    if (!places.length) return;
    for (const place of places) place.dataset.seen = ""; // htmx:load comes for the body too, while KaTeX is on its way
    await load();
    for (const place of places) {
      const source = place.textContent;
      try {
        window.katex.render(source, place, {
          displayMode: place.classList.contains("display"),
          maxExpand: 200,
          maxSize: 20,
          trust: false,
        });
        place.classList.add("is-set");
      } catch {
        place.textContent = source;
        place.classList.add("math-error", "is-set");
      }
    }
    await document.fonts.ready;
    for (const place of places) {
      if (place.matches(".display") && place.scrollWidth > place.clientWidth) place.tabIndex = 0; // scrolls by keyboard too
    }
  }

  document.addEventListener("htmx:load", (event) => setMaths(event.detail.elt));
  setMaths(document);
})();
