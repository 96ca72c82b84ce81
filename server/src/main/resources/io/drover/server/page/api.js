// What is asked of the server.

/** An answer that is no success. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const PATIENCE_MS = 30_000;

function csrf() {
  return document.cookie.match(/(?:^|; )CSRF=([^;]*)/)?.[1] ?? '';
}

/** Asks; a body that is no text goes as JSON. Gives the answer as it came. */
export async function ask(path, { method = 'GET', body, headers = {}, signal } = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(path, {
    method,
    body: text,
    headers: {
      Accept: 'application/json',
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(method !== 'GET' && { 'X-Api-Csrf': csrf() }),
      ...headers,
    },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  });
  if (response.ok) return response;
  const said = await response.text();
  let message = said;
  try {
    message = JSON.parse(said).message || said;
  } catch { /* not in JSON */ }
  if (response.status === 401) dispatchEvent(new Event('signed-out'));
  throw new Refused(response.status, message || `${method} ${path}: status ${response.status}`);
}

export async function get(path, options) {
  return (await ask(path, options)).json();
}

export async function send(method, path, body, options) {
  const response = await ask(path, { ...options, method, body });
  return response.status === 204 ? null : response.json();
}
