// Recordings that were analysed from this browser, kept in it so that they can be seen and heard.

const STORE = "recordings";
const MOST = 20;
const LARGEST = 200 * 1024 * 1024;

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("veravox", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function store(mode) {
  return (await open()).transaction(STORE, mode).objectStore(STORE);
}

export async function keep(id, blob) {
  if (blob.size > LARGEST) return;
  const writing = await store("readwrite");
  await done(writing.put({ id, blob, at: Date.now() }));
  const all = await done((await store("readonly")).getAll());
  const old = all.sort((a, b) => b.at - a.at).slice(MOST);
  for (const item of old) await done((await store("readwrite")).delete(item.id));
}

export async function find(id) {
  const found = await done((await store("readonly")).get(id));
  return found ? found.blob : null;
}

export function empty() {
  indexedDB.deleteDatabase("veravox");
}
