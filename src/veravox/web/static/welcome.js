// The code of a sign-in link stands after #, which browsers send to no server.

const code = document.querySelector("[name=code]");
if (location.hash.length > 1) {
  code.value = location.hash.slice(1);
  code.closest("[data-code]").hidden = true;
  history.replaceState(null, "", location.pathname);
} else if (code.value) {
  code.closest("[data-code]").hidden = true;
}
