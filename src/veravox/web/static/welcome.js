// The code of a sign-in link stands after #, which browsers send to no server.

const code = document.querySelector("[name=code]");
const fromLink = location.hash.slice(1);
if (fromLink) {
  code.value = fromLink;
  history.replaceState(null, "", location.pathname);
}

async function showOwner() {
  const response = await fetch("/welcome/owner", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ code: code.value }),
  });
  if (!response.ok) return;
  const { name } = await response.json();
  const shown = document.createElement("strong");
  shown.textContent = name;
  document.querySelector("[data-owner]").replaceChildren("the name ", shown);
  document.querySelector("[data-username]").value = name;
}

if (code.value) {
  code.closest("[data-code]").hidden = true;
  await showOwner();
}
