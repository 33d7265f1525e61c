// Copy buttons, questions before what can't be undone, toasts, and no form sent twice.
const toast = (text) => {
  const element = document.querySelector("#toast");
  element.querySelector(".toast-body").textContent = text;
  tabler.Toast.getOrCreateInstance(element, { delay: 2500 }).show();
};

// A view says something after an htmx request: response["HX-Trigger"] = '{"toast": "Saved."}'
document.addEventListener("toast", (event) => toast(event.detail.value));

const select = (element) => {
  if (element.select) return element.select();
  getSelection().selectAllChildren(element);
};

// <button data-copy="#id" data-copied="Copied">
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    toast(button.dataset.copied);
  } catch {
    // Without https the clipboard is closed to pages, save on this very machine.
    select(source);
    toast("Ctrl+C");
  }
});

// <form data-confirm="Sure?" data-confirm-yes="Delete">, and where much is lost also
// data-confirm-word="the name": the button waits until that is typed.
const confirmed = new WeakSet();

const ask = (form) => {
  const dialog = document.querySelector("#confirm");
  const yes = dialog.querySelector("[data-confirm-yes]");
  const typing = dialog.querySelector("[data-confirm-typing]");
  const typed = typing.querySelector("input");
  const word = form.dataset.confirmWord;
  dialog.querySelector("#confirm-text").textContent = form.dataset.confirm;
  yes.textContent = form.dataset.confirmYes;
  typing.hidden = !word;
  typing.querySelector("[data-confirm-word]").textContent = word ?? "";
  typed.value = "";
  typed.oninput = () => (yes.disabled = Boolean(word) && typed.value.trim() !== word);
  // Enter within the field presses the dialog's first button, which goes back, unless told otherwise.
  typed.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!yes.disabled) yes.click();
  };
  typed.oninput();
  dialog.returnValue = "no";
  dialog.showModal();
  if (word) typed.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
};

// While it is caught on its way down, no other listener (htmx's) has seen the event yet.
document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    if (!form.matches("[data-confirm]") || confirmed.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await ask(form))) return;
    confirmed.add(form);
    form.requestSubmit(event.submitter);
  },
  true,
);

// A second click must not make a second key: a form that was just sent is not sent again.
const sent = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), 3000);
});
