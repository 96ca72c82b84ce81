// Which part is shown, and what it shows now.

import { h, morph, say, trouble } from './dom.js';
import { login, signOut, whoAmI } from './login.js';
import { account, users } from './account.js';
import { clusters } from './clusters.js';
import { awaited, importer } from './importer.js';
import { capabilities, health, overview } from './cluster.js';
import { explorer } from './explorer.js';
import { history } from './history.js';
import { manage, removed } from './manage.js';
import { members } from './members.js';

const content = document.getElementById('content');
const top = document.getElementById('top');

/** All clusters as they are, as long as somebody is signed in. */
const live = {
  clusters: new Map(),
  ready: false,
  source: null,
  put(cluster) {
    this.clusters.set(cluster.id, cluster);
    render();
  },
  open() {
    if (this.source || document.hidden) return;
    this.source = new EventSource('/v3/events');
    this.source.addEventListener('cluster', (event) => {
      const cluster = JSON.parse(event.data);
      this.clusters.set(cluster.id, cluster);
      soon();
    });
    this.source.addEventListener('removed', (event) => {
      this.clusters.delete(JSON.parse(event.data).id);
      soon();
    });
    this.source.addEventListener('whole', (event) => {
      const { ids } = JSON.parse(event.data);
      for (const id of this.clusters.keys()) if (!ids.includes(id)) this.clusters.delete(id);
      this.ready = true;
      soon();
    });
    this.source.addEventListener('error', () => top.querySelector('[data-live]')?.removeAttribute('hidden'));
    this.source.addEventListener('open', () => top.querySelector('[data-live]')?.setAttribute('hidden', ''));
  },
  /** Lets go of the connection: a browser has six of them for all pages of a server. */
  pause() {
    this.source?.close();
    this.source = null;
  },
  forget() {
    this.pause();
    this.clusters.clear();
    this.ready = false;
  },
};

let user = null;
let kept = {}; // answers and forms of the part that is shown
let staying = {}; // answers that are good until somebody signs out
let leaving = new AbortController();
let shownPath = null;
let made = 0; // elements that were kept so far

const AFTER_ERROR_MS = 15_000;

/**
 * What a question was answered, once it is; whoever asks is shown anew then. It is asked once, or
 * again after so many milliseconds, and after an error; stay: its answer is good for other parts, too.
 */
function memo(key, question, { every = Infinity, stay = false } = {}) {
  const place = stay ? staying : kept;
  const entry = (place[key] ??= {});
  const isDue = entry.asked === undefined || performance.now() - entry.asked >= (entry.error ? Math.min(every, AFTER_ERROR_MS) : every);
  if (!entry.pending && isDue) ask(entry, question);
  return entry;
}

/** Asks it again, although it was not due. */
function again(key) {
  const entry = kept[key] ?? staying[key];
  if (entry) entry.asked = undefined;
  soon();
}

function ask(entry, question) {
  const { signal } = leaving;
  Object.assign(entry, { pending: true, asked: performance.now() });
  question(signal)
    .then((value) => Object.assign(entry, { value, error: undefined }), (error) => signal.aborted || Object.assign(entry, { error }))
    .finally(() => {
      entry.pending = false;
      soon();
    });
}

/** An element that is made once, with what people type into it, or what grows in it. */
function keep(key, make) {
  const element = (kept[key] ??= Object.assign(make(), { id: `kept-${key}-${++made}` }));
  element.dataset.kept = '';
  // One that is shown stays where it is; what stands for it says so.
  return element.isConnected ? h(element.tagName.toLowerCase(), { id: element.id, 'data-kept': '' }) : element;
}

function go(hash) {
  location.hash = hash;
}

function route() {
  const [path, search] = location.hash.slice(1).split('?');
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(search ?? ''), path };
}

function view({ parts, query }) {
  const [place, id, part, ...rest] = parts;
  const context = { live, id, rest, query, user, memo, again, soon, keep, go, start, signal: leaving.signal };
  if (place === undefined) return ['Clusters', clusters(context)];
  if (place === 'import') return ['Import a cluster', id ? awaited(context) : importer(context)];
  if (place === 'removed') return ['Removed', removed()];
  if (place === 'account') return ['Account', account(context)];
  if (place === 'users') return ['Users', users(context)];
  if (place === 'clusters' && id) {
    const name = live.clusters.get(id)?.name ?? id;
    const views = { undefined: overview, health, capabilities, explore: explorer, history, members, manage };
    if (views[part]) return [name, views[part](context)];
  }
  return ['Not found', h('div', { class: 'panel empty' }, 'There is no such page. ', h('a', { href: '#/' }, 'All clusters'))];
}

let waiting = false;

/** Shows it anew, once for all that happens until then. */
function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    render();
  });
}

function render() {
  if (!user) return;
  const now = route();
  const isNew = now.path !== shownPath;
  const [title, parts] = view(now);
  const place = now.parts[0] === 'users' || now.parts[0] === 'account' ? `#/${now.parts[0]}` : '#/';
  for (const link of top.querySelectorAll('a:not(.brand)')) {
    if (link.getAttribute('href') === place) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${title} · Drover`;
  const wanted = h('main', { id: 'content', tabindex: -1 }, parts);
  if (isNew) {
    content.replaceChildren(...wanted.childNodes);
    shownPath = now.path;
    if (!content.contains(document.activeElement)) content.focus();
  } else {
    morph(content, wanted);
  }
}

function header() {
  top.replaceChildren(
    h('a', { class: 'brand', href: '#/' }, h('img', { src: '/page/mark.svg', alt: '' }), 'Drover'),
    h('nav', { 'aria-label': 'Pages' }, h('a', { href: '#/' }, 'Clusters'), user.admin ? h('a', { href: '#/users' }, 'Users') : null),
    h('span', { class: 'state wait', 'data-sign': '◐', 'data-live': '', hidden: true }, 'reconnecting'),
    h('a', { class: 'quiet', href: '#/account' }, user.username),
    h('button', { type: 'button', onclick: async () => {
      await signOut().catch((error) => say(error.message));
      await start();
    } }, 'Sign out'));
}

function leave() {
  leaving.abort();
  leaving = new AbortController();
  kept = {};
}

async function start() {
  leave();
  shownPath = null;
  staying = {};
  live.forget();
  try {
    user = await whoAmI();
  } catch (error) {
    content.replaceChildren(trouble(error));
    return;
  }
  if (!user) {
    top.replaceChildren();
    document.title = 'Sign in · Drover';
    content.replaceChildren(login(start, route().query.get('problem')));
    document.getElementById('password').focus();
    return;
  }
  header();
  live.open();
  render();
}

addEventListener('hashchange', () => {
  leave();
  render();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) live.pause();
  else if (user) live.open();
});
addEventListener('pagehide', () => live.pause());
addEventListener('pageshow', () => {
  if (user) live.open();
});
addEventListener('signed-out', () => {
  if (user) start();
});
setInterval(soon, 5_000); // "5 s ago" grows older, and what is due is asked for again
start();
