// Keeps the shell of the page (its HTML, scripts, styles, fonts and icons) so that it opens without a network.
// It never keeps data: what is live comes from Firestore only, and the page says when it is not live.
const CACHE = 'firedesk-shell-1';
const SHELL = ['/', '/manifest.webmanifest', '/icons/icon.svg'];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => names.filter((name) => name !== CACHE));
  event.waitUntil(old.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    event.respondWith(fetch(request).then((answer) => keep('/', answer)).catch(() => caches.match('/')));
  } else if (address.pathname.startsWith('/assets/') || address.pathname.startsWith('/icons/')) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request).then((answer) => keep(request, answer))));
  }
});

async function keep(key, answer) {
  if (answer.ok) await (await caches.open(CACHE)).put(key, answer.clone());
  return answer;
}
