// Applies the chosen theme before the first paint (so this file is loaded without defer), then wires the control, which
// goes round: as the system has it, light, dark.
(() => {
  const root = document.documentElement;
  const ROUND = ["system", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const apply = (theme) => { if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme; };
  let now = ROUND.includes(stored()) ? stored() : "system";
  apply(now);
  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const show = () => {
        const { [now]: words } = button.dataset;
        button.setAttribute("aria-label", words);
        button.title = words;
        button.textContent = { system: "◐", light: "☀", dark: "☾" }[now];
      };
      show();
      button.hidden = false;
      button.addEventListener("click", () => {
        now = ROUND[(ROUND.indexOf(now) + 1) % ROUND.length];
        apply(now);
        show();
        try { localStorage.setItem("theme", now); } catch { /* private window: this page only */ }
      });
    }
  });
})();
