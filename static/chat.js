// An open conversation: asking what is new, answering and reacting, and the time that is left for it.
const one = (selector, within = document) => within.querySelector(selector);
const composer = () => one("#chat-composer");

// --- Asking what is new ------------------------------------------------------------------

// Nobody looks at a hidden page, so it asks nothing; shown again, it asks at once.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-poll]")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.body.dispatchEvent(new CustomEvent("chat-news"));
});

// Which lines may still change, and how they look here: the last ones are enough.
const WATCHED = 60;
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "chat-poll") return;
  const lines = [...document.querySelectorAll("[data-watch]")].slice(-WATCHED);
  event.detail.parameters.line = lines.map((line) => `${line.id}:${line.dataset.watch}`);
});

// A form that was refused comes back with what was wrong.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422 && event.detail.elt.id === "chat-composer") {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 422) {
    document.dispatchEvent(new CustomEvent("toast", { detail: { value: event.detail.xhr.responseText } }));
  }
});

// The window may close or open while the page stands: what is typed stays.
const follow = () => {
  const state = one("#chat-state");
  const fields = one(".chat-compose");
  if (state && fields) fields.disabled = state.dataset.open !== "yes";
  one(".chat-nothing")?.toggleAttribute("hidden", Boolean(one(".chat-line")));
};
document.addEventListener("htmx:afterSettle", () => {
  follow();
  count();
});

// --- The time that is left ---------------------------------------------------------------

const count = () => {
  const left = one("[data-until]");
  if (!left) return;
  const minutes = Math.floor((Number(left.dataset.until) * 1000 - Date.now()) / 60000);
  if (minutes < 0) return document.body.dispatchEvent(new CustomEvent("chat-news"));
  const words = minutes < 60 ? left.dataset.short : left.dataset.long;
  left.textContent = words.replace("{h}", Math.floor(minutes / 60)).replace("{m}", minutes % 60);
};
setInterval(count, 15000);

// --- Answering ---------------------------------------------------------------------------

// Enter sends where there is a keyboard; with Shift, and on a phone, it makes a new line.
const hasKeyboard = matchMedia("(hover: hover) and (pointer: fine)");
document.addEventListener("keydown", (event) => {
  if (!event.target.matches("#chat-composer textarea")) return;
  if (event.key === "Escape") return answer("", "");
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !hasKeyboard.matches) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

const answer = (id, words) => {
  const form = composer();
  if (!form) return;
  form.elements.answers.value = id;
  one("[data-answering-words]", form).textContent = words;
  one("[data-answering]", form).hidden = !id;
  form.elements.text.focus();
};

const attached = (form) => {
  const file = form.elements.file.files[0];
  one("[data-attached-name]", form).textContent = file?.name ?? "";
  one("[data-attached]", form).hidden = !file;
};
document.addEventListener("change", (event) => {
  if (event.target.matches("#chat-composer input[type=file]")) attached(event.target.form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("answer" in button.dataset) answer(button.dataset.answer, button.dataset.words);
  if ("answeringEnd" in button.dataset) answer("", "");
  if ("attachedEnd" in button.dataset) {
    button.form.elements.file.value = "";
    attached(button.form);
  }
  if ("react" in button.dataset) choose(button);
});

// --- Reacting ----------------------------------------------------------------------------

const choose = (button) => {
  const dialog = one("#chat-emoji");
  const form = one("form", dialog);
  form.elements.message.value = button.dataset.react;
  form.elements.key.value = Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
  dialog.showModal();
  const at = button.getBoundingClientRect();
  const { width, height } = dialog.getBoundingClientRect();
  dialog.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  dialog.style.top = `${Math.max(8, at.top - height - 6)}px`;
};
document.addEventListener("click", (event) => {
  if (event.target.id === "chat-emoji") event.target.close();
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const dialog = event.detail.elt.closest("#chat-emoji");
  if (dialog) queueMicrotask(() => dialog.close());
});

follow();
count();
