// Requests to this server that carry the session's form token.

export class Refused extends Error {}

export function token() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

async function answer(response) {
  if (response.status === 401) {
    location.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Refused(body.message || `The server answered ${response.status}.`);
  }
  return response.status === 204 ? null : response.json();
}

export async function get(path) {
  return answer(await fetch(path, { headers: { Accept: "application/json" } }));
}

export async function post(path, body) {
  const headers = { Accept: "application/json", "X-CSRF-Token": token() };
  const form = body instanceof FormData;
  if (!form) headers["Content-Type"] = "application/json";
  return answer(
    await fetch(path, { method: "POST", headers, body: form ? body : JSON.stringify(body ?? {}) }),
  );
}

// A PUT that tells how far it has come, as a share from 0 to 1; fetch cannot.
export function put(url, headers, blob, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded / (event.total || 1));
    request.onerror = () => reject(new Refused("The connection broke during the upload."));
    request.onload = () =>
      request.status < 300
        ? resolve()
        : reject(new Refused(`The upload was refused (${request.status}).`));
    request.send(blob);
  });
}
