// What the Send page does besides the preview: counts characters, finds in lists, shows more choices.

// Characters as WhatsApp counts them: an emoji of one code point is one, a line end too.
const lengthOf = (text) => [...text.replaceAll("\r\n", "\n")].length;

const counterOf = (field) => {
  const label = document.querySelector(`label[for="${field.id}"]`);
  if (!label) return null;
  const before = label.previousElementSibling;
  if (before?.matches(".counter")) return before;
  // Beside the label, not within: it is no part of the field's name.
  const counter = document.createElement("span");
  counter.className = "counter";
  counter.ariaHidden = "true";
  label.before(counter);
  return counter;
};

// A text as short as it can get: a placeholder counts as its default, else as one character.
const shortest = (text) =>
  text.replace(/\{\{[^{}|]*(?:\|([^{}]*))?\}\}/g, (_, word) => word?.trim() || "x");

const count = (field) => {
  const counter = counterOf(field);
  const most = Number(field.dataset.most);
  if (!counter) return;
  const length = lengthOf("personal" in field.dataset ? shortest(field.value) : field.value);
  counter.textContent = `${length} / ${most}`;
  counter.classList.toggle("counter-over", length > most);
};

// The choices of a list beyond those in use: each shows the next one when it is begun.
const hideSpares = (root) => {
  for (const choice of root.querySelectorAll("[data-spare]")) choice.hidden = true;
};

const showNext = (field) => {
  const choice = field.closest(".choice");
  const next = choice?.nextElementSibling;
  if (next?.matches("[data-spare]") && field.value) next.hidden = false;
};

const prepare = (root) => {
  for (const field of root.querySelectorAll("[data-most]")) count(field);
  hideSpares(root);
};

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.dataset.most) count(field);
  if (field.closest(".choice")) showNext(field);
  if (field.dataset.filter) filter(field);
});

// <input data-filter="#list">: shows the entries that hold what is typed, and those that are chosen.
const filter = (field) => {
  const list = document.querySelector(field.dataset.filter);
  const wanted = field.value.trim().toLowerCase();
  let shown = 0;
  for (const entry of list.querySelectorAll(".pick")) {
    const matches = entry.textContent.toLowerCase().includes(wanted);
    entry.hidden = !matches && !entry.querySelector(":checked");
    if (!entry.hidden) shown += 1;
  }
  list.querySelector(".pick-none").hidden = shown > 0;
};

// Enter in a search field finds, it does not send the form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.dataset?.filter) event.preventDefault();
});

// <button data-insert="{{contact.name}}">: puts it where somebody was writing last, else into the first field.
let lastField = null;
document.addEventListener("focusin", (event) => {
  if ("personal" in event.target.dataset) lastField = event.target;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  const field = lastField?.isConnected ? lastField : document.querySelector("[data-personal]");
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// A file that was stored, or taken away, changes the preview without anybody typing.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "chosen-file") return;
  document.querySelector("#compose")?.dispatchEvent(new Event("preview"));
});
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt.parentElement ?? document));

// The switches of the dry run count again by themselves.
const recount = document.querySelector("[data-recount-button]");
if (recount) {
  recount.hidden = true;
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-recount]")) recount.form.requestSubmit(recount);
  });
}

prepare(document);
