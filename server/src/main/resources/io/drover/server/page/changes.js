// What changes in a cluster, as it does: the subscribe of the agent's own API.

const DEBOUNCE_MS = 1_000;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

let ear = null;

/**
 * Listens to types until signal ends, to the counts of all (count) as they are, and of others that
 * there is something new: heard(type, data) is called then, and whenever it begins to listen, since
 * it knows nothing of before. Gives the types that are listened to now; others must be asked for again.
 */
export function changes(address, types, signal, heard) {
  const key = `${address} ${types}`;
  if (ear?.key === key && ear.signal === signal) return ear.live;
  ear = { key, signal, live: new Set() };
  open(ear, address, types, heard, FIRST_PAUSE_MS);
  return ear.live;
}

function open({ live, signal }, address, types, heard, pause) {
  const socket = new WebSocket(`wss://${location.host}${address}`);
  const leave = () => socket.close();
  const later = (what, after) => setTimeout(() => signal.aborted || what(), after);
  const want = (type) => socket.readyState === WebSocket.OPEN
    && socket.send(JSON.stringify({ resourceType: type, ...(type !== 'count' && { mode: 'resource.changes', debounceMs: DEBOUNCE_MS }) }));
  signal.addEventListener('abort', leave);
  socket.onopen = () => types.forEach(want);
  socket.onmessage = ({ data }) => {
    const { name, resourceType: type, data: content } = JSON.parse(data);
    if (name === 'resource.start') {
      pause = FIRST_PAUSE_MS;
      live.add(type);
      heard(type);
    } else if (name === 'resource.stop') {
      live.delete(type);
      later(() => want(type), LAST_PAUSE_MS);
    } else if (name.startsWith('resource.change')) {
      heard(type, content);
    }
  };
  socket.onclose = () => {
    live.clear();
    signal.removeEventListener('abort', leave);
    later(() => open({ live, signal }, address, types, heard, Math.min(LAST_PAUSE_MS, 2 * pause)), pause);
  };
}
