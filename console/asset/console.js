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

// What changes by itself is sent by the server as the page has it; lines of a
// log are added to those that are there.
for (const page of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(page.dataset.live);
  source.addEventListener("part", (event) => {
    const part = JSON.parse(event.data);
    const place = document.getElementById(part.id);
    const at = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    place.innerHTML = part.html;
    if (at) {
      place.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus();
    }
  });
  source.addEventListener("lines", (event) => {
    const log = document.getElementById("log");
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.insertAdjacentHTML("beforeend", JSON.parse(event.data));
    if (follows) {
      log.scrollTop = log.scrollHeight;
    }
  });
  source.addEventListener("end", () => source.close());
}
