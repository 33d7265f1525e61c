// Countries by name in the page's language, and the reader's own time zone and country chosen.
"use strict";
(() => {
  const names = new Intl.DisplayNames([document.documentElement.lang, "en"], { type: "region" });
  const country = document.getElementById("id_country");
  const chosen = country.value;
  const options = [...country.options].filter((option) => option.value);
  for (const option of options) {
    option.text = option.text.replace(option.value, names.of(option.value));
  }
  options.sort((one, other) => one.text.localeCompare(other.text, document.documentElement.lang));
  country.append(...options);
  country.value = chosen;

  const zone = document.getElementById("id_time_zone");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = [...zone.options].some((option) => option.value === here);
  if (zone.value === "UTC" && isKnown) zone.value = here;
})();
