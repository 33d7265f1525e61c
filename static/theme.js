// Loaded in <head> before the first paint. Colours: auto (as the device), light or dark.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const next = { auto: "light", light: "dark", dark: "auto" };

  const chosen = () => {
    const value = localStorage.getItem("theme");
    return value in next ? value : "auto";
  };
  const apply = () => {
    const choice = chosen();
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.querySelectorAll("[data-theme-button]").forEach((button) => {
      const label = button.getAttribute(`data-label-${choice}`);
      button.setAttribute("aria-label", label);
      button.title = label;
      button.querySelectorAll("[data-theme-icon]").forEach((icon) => {
        icon.hidden = icon.dataset.themeIcon !== choice;
      });
    });
  };

  apply();
  dark.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.querySelectorAll("[data-theme-button]").forEach((button) =>
      button.addEventListener("click", () => {
        localStorage.setItem("theme", next[chosen()]);
        apply();
      }),
    );
  });
})();
