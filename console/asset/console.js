// The key / goes to the search field of a page, as in other catalogs.
document.addEventListener("keydown", (event) => {
  const field = document.querySelector("[data-find]");
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && field && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
  }
});
