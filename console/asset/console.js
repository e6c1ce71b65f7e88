// The key / goes to the search field of a page, as in other catalogs.
document.addEventListener("keydown", (event) => {
  const field = document.querySelector("[data-find]");
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && field && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
  }
});

// A slider goes over the values of a field, and asks again where it stops.
for (const slider of document.querySelectorAll("[data-slider]")) {
  const values = slider.dataset.values.split(" ");
  const field = slider.form.elements[slider.dataset.slider];
  slider.closest("[hidden]").hidden = false;
  slider.addEventListener("input", () => {
    field.value = values[slider.value];
    slider.form.querySelector("output").value = field.value;
    slider.setAttribute("aria-valuetext", field.value);
  });
  slider.addEventListener("change", () => slider.form.requestSubmit());
}
