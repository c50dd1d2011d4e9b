// Sets light or dark before the first paint: what was chosen here, else what the system prefers.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is switched off */ }
    root.dataset.bsTheme = chosen ?? (system.matches ? "dark" : "light");
  };
  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  globalThis.driftlineToggleTheme = () => {
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", next); } catch { /* lasts for this page then */ }
    root.dataset.bsTheme = next;
    document.dispatchEvent(new Event("driftline:theme"));
  };
})();
