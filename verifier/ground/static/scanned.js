// The page /v, to which codes on paper lead: the badge stands after the # of the address, which no server sees.
// This moves it into the form below, takes it out of the address bar, and sends the form. Without it the page
// says how to photograph the code instead.
"use strict";

const digits = location.hash.slice(1);

if (/^[0-9]{1,3000}$/.test(digits)) {
  const form = document.getElementById("scanned");
  form.elements.namedItem("text").value = `https://${location.host}/v#${digits}`;
  history.replaceState(null, "", location.pathname);
  form.submit();
}
