// Sets light or dark before the first paint: the choice kept in a cookie, else what the system asks for.
// Loaded in <head> without defer, on purpose.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => document.cookie.match(/(?:^|; )paja_theme=(light|dark)/)?.[1] ?? "auto";

  function apply() {
    const choice = chosen();
    root.dataset.bsTheme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  }

  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-choice]");
    if (!button) return;
    const age = button.dataset.themeChoice === "auto" ? 0 : 31536000;
    document.cookie = `paja_theme=${button.dataset.themeChoice}; path=/; max-age=${age}; samesite=lax`;
    apply();
    button.closest("details")?.removeAttribute("open");
  });
})();
