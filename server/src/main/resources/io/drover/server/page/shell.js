// A shell in a container, by the API server's own exec.

import { h } from './dom.js';

/** What is tried first is what people like best; every image with a shell has the second. */
const SHELL = 'TERM=xterm-256color; export TERM; [ -x /bin/bash ] && exec /bin/bash; exec /bin/sh';
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 };
const SCROLLBACK_LINES = 5_000;

let library = null;

/** xterm.js, when somebody opens the first shell. */
function load() {
  library ??= (async () => {
    document.head.append(h('link', { rel: 'stylesheet', href: '/page/xterm.css' }));
    await script({ src: '/page/xterm.js' });
    await script({ src: '/page/xterm-addon-fit.js' });
  })().catch((error) => {
    library = null;
    throw error;
  });
  return library;
}

function script({ src }) {
  return new Promise((resolve, reject) => {
    document.head.append(h('script', { src, onload: resolve, onerror: () => reject(new Error(`${src} did not come`)) }));
  });
}

/** An element with a shell in it, until signal. */
export function shell(pod, container, signal) {
  const screen = h('div', { class: 'screen' });
  const said = h('p', { class: 'small quiet', role: 'status' }, 'Connecting …');
  const element = h('div', { class: 'shell' }, screen, said);
  begin(pod, container, screen, said, signal).catch((error) => said.replaceChildren(error.message));
  return element;
}

async function begin(pod, container, screen, said, signal) {
  await load();
  if (signal.aborted) return;
  const { Terminal, FitAddon } = window;
  const terminal = new Terminal({ scrollback: SCROLLBACK_LINES, screenReaderMode: true, cursorBlink: false, fontFamily: 'monospace', fontSize: 14 });
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open(screen);
  fit.fit();
  // The library leaves this out: rows for those who hear the page are items of a list.
  screen.querySelector('.xterm-accessibility-tree').setAttribute('role', 'list');
  const query = new URLSearchParams({ container, stdin: true, stdout: true, tty: true });
  for (const word of ['sh', '-c', SHELL]) query.append('command', word);
  const socket = new WebSocket(`wss://${location.host}${pod}/exec?${query}`, PROTOCOLS);
  socket.binaryType = 'arraybuffer';
  const send = (channel, text) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    const bytes = new TextEncoder().encode(text);
    const frame = new Uint8Array(1 + bytes.length);
    frame[0] = channel;
    frame.set(bytes, 1);
    socket.send(frame);
  };
  const size = () => send(CHANNEL.resize, JSON.stringify({ Width: terminal.cols, Height: terminal.rows }));
  const resizing = new ResizeObserver(() => fit.fit());
  let end = null;
  terminal.onData((text) => send(CHANNEL.stdin, text));
  terminal.onResize(size);
  socket.onopen = () => {
    said.replaceChildren('Ctrl+D ends it.');
    size();
    resizing.observe(screen);
    terminal.focus();
  };
  socket.onmessage = ({ data }) => {
    const [channel] = new Uint8Array(data, 0, Math.min(1, data.byteLength));
    const bytes = new Uint8Array(data, Math.min(1, data.byteLength));
    if (channel === CHANNEL.stdout || channel === CHANNEL.stderr) terminal.write(bytes);
    else if (channel === CHANNEL.error) end = JSON.parse(new TextDecoder().decode(bytes));
  };
  socket.onclose = () => {
    resizing.disconnect();
    if (signal.aborted) return;
    said.replaceChildren(end === null ? 'The connection has ended: the container has no shell, you may not, or the cluster is away.'
      : end.status === 'Success' ? 'The shell has ended.' : `The shell has ended: ${end.message}`);
  };
  signal.addEventListener('abort', () => {
    socket.close();
    resizing.disconnect();
    terminal.dispose();
  });
}
