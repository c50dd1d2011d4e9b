// Small conveniences; every page works without them.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-toggle]")) driftlineToggleTheme();
  for (const menu of document.querySelectorAll("details.app-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard?.writeText(document.querySelector(copy.dataset.copy).textContent.trim());
    copy.textContent = "Copied";
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.app-menu[open]")) menu.open = false;
  }
});

// A form is sent once, however often its button is pressed
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
