// Sets `<span class="math inline">` and `<span class="math display">` with KaTeX, which is fetched only by pages that need it.
(() => {
  const own = document.currentScript;
  let loading;

  function load() {
    loading ??= new Promise((resolve, reject) => {
      const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: own.dataset.katexCss });
      const script = Object.assign(document.createElement("script"), { src: own.dataset.katexJs, onload: resolve, onerror: reject });
      document.head.append(sheet, script);
    });
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
        if (place.scrollWidth > place.clientWidth && place.matches(".display")) place.tabIndex = 0; // scrolls by keyboard too
      } catch {
        place.textContent = source;
        place.classList.add("math-error", "is-set");
      }
    }
  }

  document.addEventListener("htmx:load", (event) => setMaths(event.detail.elt));
  setMaths(document);
})();
