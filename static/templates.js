// The editor of a template: rows that are added, moved and taken out, and characters that are counted.
const form = document.querySelector("#editor");

// Characters as Meta counts them: an emoji of one code point is one.
const lengthOf = (text) => [...text.replaceAll("\r\n", "\n")].length;

const count = (field) => {
  const counter = field.closest("label")?.querySelector(".counter");
  if (!counter) return;
  const most = Number(field.dataset.most);
  const length = lengthOf(field.value);
  counter.textContent = `${length} / ${most}`;
  counter.classList.toggle("counter-over", length > most);
};

const prepare = (root) => {
  for (const field of root.querySelectorAll("[data-most]")) count(field);
  for (const rows of document.querySelectorAll("#card-rows")) {
    [...rows.children].forEach((row, at) => (row.querySelector("[data-number]").textContent = at + 1));
  }
};

const changed = () => {
  prepare(form);
  form.dispatchEvent(new Event("preview"));
};

document.addEventListener("input", (event) => {
  if (event.target.dataset.most) count(event.target);
});

// Which of a button's fields are shown is a matter of its kind.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-row-type]")) {
    event.target.closest(".button-row").dataset.type = event.target.value;
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add], [data-remove], [data-up]");
  if (!button) return;
  if (button.dataset.add) {
    const row = document.querySelector(button.dataset.add).content.firstElementChild.cloneNode(true);
    document.querySelector(button.dataset.to).append(row);
    const kind = row.querySelector("[data-row-type]");
    if (kind) row.dataset.type = kind.value;
    htmx.process(row);
    row.querySelector("select, input:not([type=hidden]), textarea")?.focus();
  } else {
    const row = button.closest(".rows > *");
    const rows = row.parentElement;
    if ("remove" in button.dataset) {
      (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("select, input:not([type=hidden])")?.focus();
      row.remove();
    } else if (row.previousElementSibling) {
      rows.insertBefore(row, row.previousElementSibling);
      button.focus();
    }
  }
  changed();
});

// A file that was kept, or taken away, changes the preview without anybody typing.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.matches?.(".sample-file")) changed();
});
document.addEventListener("htmx:oobAfterSwap", () => prepare(form));

// What was typed and not saved is not left without a word.
let dirty = false;
form?.addEventListener("input", () => (dirty = true));
form?.addEventListener("submit", () => (dirty = false));
addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});

if (form) prepare(form);
