// Copy buttons, and a question before what can't be undone.
const toast = (text) => {
  const element = document.querySelector("#toast");
  element.querySelector(".toast-body").textContent = text;
  tabler.Toast.getOrCreateInstance(element, { delay: 2500 }).show();
};

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

// <form data-confirm="Sure?" data-confirm-yes="Revoke">
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-confirm]");
  if (!form) return;
  event.preventDefault();
  const dialog = document.querySelector("#confirm");
  dialog.querySelector("#confirm-text").textContent = form.dataset.confirm;
  dialog.querySelector("[data-confirm-yes]").textContent = form.dataset.confirmYes;
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && form.submit(), { once: true });
  dialog.showModal();
});
