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

// A page that shows what is under way is kept as it stands: each event fetches it
// anew, and the last one ends that.
const live = document.querySelector("[data-live]");
if (live) {
  const events = new EventSource(live.dataset.live);
  let busy = false, again = false;
  const show = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const at = document.activeElement.closest("main a[href]");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    if (at) { document.querySelector(`main a[href="${CSS.escape(at.getAttribute("href"))}"]`)?.focus(); }
    busy = false;
    if (again) { again = false; show(); }
  };
  events.addEventListener("change", show);
  events.addEventListener("end", () => { events.close(); show(); });
}
