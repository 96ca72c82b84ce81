// What is in a cluster, by the agent's own API.

import { h, say, state, trouble } from './dom.js';
import { ask, get } from './api.js';
import { changes } from './changes.js';
import { ago } from './format.js';
import { clusterOr } from './cluster-parts.js';
import { clusterHead } from './cluster.js';
import { submitting } from './form.js';
import { shell } from './shell.js';

const ROWS = 50;
const REFRESH_MS = 5_000; // of what is not listened to
const COUNTS_MS = 15_000;
const SCHEMAS_MS = 300_000;
const USUAL = {
  Workloads: ['pod', 'apps.deployment', 'apps.statefulset', 'apps.daemonset', 'batch.job', 'batch.cronjob'],
  Network: ['service', 'networking.k8s.io.ingress', 'networking.k8s.io.networkpolicy'],
  Storage: ['persistentvolumeclaim', 'persistentvolume', 'storage.k8s.io.storageclass'],
  Settings: ['configmap', 'secret'],
  Cluster: ['node', 'namespace', 'event'],
};
const COUNT = 'count'; // the type of the counts of all others
const KINDS = { error: 'bad', transitioning: 'wait' };

function base(id) {
  return `/k8s/clusters/${encodeURIComponent(id)}`;
}

function link(id, ...parts) {
  return `#/clusters/${id}/explore/${parts.map(encodeURIComponent).join('/')}`;
}

/** Types, and what there is of one. */
export function explorer(context) {
  return clusterOr(context.live, context.id, (cluster) => explorerOf(cluster, context));
}

function explorerOf(cluster, { id, rest, query, memo, again, soon, keep, go, signal }) {
  const head = clusterHead(cluster, '/explore');
  const [typeId, ...object] = rest;
  const heard = (type, data) => {
    if (type !== COUNT) again(`list-${id}`);
    else if (data) Object.assign(numbers(counts), data.counts);
    else again(`counts-${id}`);
    soon();
  };
  const live = changes(`${base(id)}/v1/subscribe`, typeId && object.length === 0 ? [COUNT, typeId] : [COUNT], signal, heard);
  const schemas = memo(`schemas-${id}`, () => get(`${base(id)}/v1/schemas`), { every: SCHEMAS_MS, stay: true });
  const counts = memo(`counts-${id}`, () => get(`${base(id)}/v1/counts`), { every: live.has(COUNT) ? Infinity : COUNTS_MS, stay: true });
  if (schemas.error) return [head, trouble(schemas.error)];
  if (!schemas.value) return [head, h('p', { class: 'quiet' }, 'Asking the cluster …')];
  const types = new Map(schemas.value.data
    .filter((type) => type.attributes?.verbs?.includes('list'))
    .map((type) => [type.id, type]));
  const type = types.get(typeId);
  return [
    head,
    h('div', { class: 'browse' },
      menu(id, types, typeId, numbers(counts)),
      type === undefined ? h('div', { class: 'panel empty quiet' }, typeId ? 'There is no such type.' : 'Choose a type.')
        : object.length > 0 ? one(id, type, object, query, { memo, keep, signal })
          : listed(id, type, query, memo, go, live.has(typeId))),
  ];
}

/** How many there are of each type, as far as that is known. */
function numbers({ value }) {
  return value?.data?.[0]?.counts ?? {};
}

function menu(id, types, current, counts) {
  const entry = (type) => h('li', {}, h('a', { href: link(id, type.id), 'aria-current': type.id === current ? 'page' : null },
    type.attributes.kind, h('span', { class: 'count' }, counts[type.id]?.summary?.count ?? '')));
  const usual = new Set(Object.values(USUAL).flat());
  const others = [...types.values()].filter((type) => !usual.has(type.id)).sort((a, b) => a.attributes.kind.localeCompare(b.attributes.kind));
  return h('nav', { class: 'panel', 'aria-label': 'Types' },
    Object.entries(USUAL).map(([title, ids]) => [title, ids.filter((one) => types.has(one))])
      .filter(([, ids]) => ids.length > 0)
      .map(([title, ids]) => [h('h3', {}, title), h('ul', {}, ids.map((one) => entry(types.get(one))))]),
    h('details', { open: others.some((type) => type.id === current) },
      h('summary', {}, `${others.length} more`), h('ul', {}, others.map(entry))));
}

/** A page of a type's objects. */
function listed(id, type, query, memo, go, isLive) {
  const page = Number(query.get('page') ?? 1);
  const text = query.get('filter') ?? '';
  const parameters = new URLSearchParams({
    page, pagesize: ROWS, sort: type.attributes.namespaced ? 'metadata.namespace,metadata.name' : 'metadata.name',
    exclude: 'metadata.managedFields',
  });
  if (text) parameters.append('filter', `metadata.name~${text}`);
  const { value: found, error } = memo(`list-${id}`, () => get(`${base(id)}/v1/${type.id}?${parameters}`), { every: isLive ? Infinity : REFRESH_MS });
  const columns = (type.attributes.columns ?? []).map((column) => ({ ...column, at: /fields\[(\d+)\]/.exec(column.field)?.[1] }))
    .filter((column) => column.at !== undefined && !column.priority && column.name !== 'Name');
  const to = (change) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
    return `${link(id, type.id)}${next.size ? `?${next}` : ''}`;
  };
  const pages = found ? Math.max(1, Math.ceil(found.count / ROWS)) : 1;
  return h('section', { class: 'panel' },
    h('div', { class: 'head' },
      h('h2', { class: 'grow' }, type.attributes.kind, ' ', h('span', { class: 'quiet' }, found ? found.count : '')),
      isLive ? state('good', 'live') : null,
      h('form', { onsubmit: (event) => {
        event.preventDefault();
        go(to({ filter: new FormData(event.target).get('filter'), page: '' }));
      } }, h('input', { type: 'search', name: 'filter', value: text, placeholder: 'Name has …', 'aria-label': `${type.attributes.kind}: name has` }))),
    error ? trouble(error) : null,
    found ? h('div', { class: 'scroll' }, h('table', {},
      h('thead', {}, h('tr', {},
        h('th', { scope: 'col' }, 'State'), type.attributes.namespaced ? h('th', { scope: 'col' }, 'Namespace') : null,
        h('th', { scope: 'col' }, 'Name'), columns.map((column) => h('th', { scope: 'col', title: column.description }, column.name)))),
      h('tbody', {}, found.data.map((object) => row(id, type, columns, object))))) : h('p', { class: 'quiet' }, 'Asking the cluster …'),
    found?.data.length === 0 ? h('p', { class: 'quiet' }, 'None that you may see.') : null,
    pages > 1 ? h('div', { class: 'pages' },
      page > 1 ? h('a', { class: 'button', href: to({ page: page - 1 }) }, 'Back') : null,
      h('span', { class: 'quiet' }, `${page} of ${pages}`),
      page < pages ? h('a', { class: 'button', href: to({ page: page + 1 }) }, 'Next') : null) : null);
}

function row(id, type, columns, object) {
  const meta = object.metadata;
  const is = meta.state ?? {};
  const kind = is.error ? KINDS.error : is.transitioning ? KINDS.transitioning : 'good';
  const path = meta.namespace ? [meta.namespace, meta.name] : [meta.name];
  return h('tr', {},
    h('td', {}, is.name ? state(kind, is.name) : null),
    meta.namespace ? h('td', {}, meta.namespace) : null,
    h('td', {}, h('a', { class: 'name', href: link(id, type.id, ...path) }, meta.name), is.error && is.message ? h('div', { class: 'why' }, is.message) : null),
    columns.map((column) => h('td', { class: column.type === 'date' ? 'small when' : null }, cell(meta.fields?.[column.at], column))));
}

function cell(value, column) {
  if (value === null || value === undefined) return '';
  return column.type === 'date' && !Number.isNaN(Date.parse(value)) ? ago(value) : String(value);
}

/** An object: as YAML, and a pod's log. */
function one(id, type, path, query, { memo, keep, signal }) {
  const [namespace, name] = path.length > 1 ? path : ['', path[0]];
  const address = `${base(id)}/v1/${type.id}/${path.map(encodeURIComponent).join('/')}`;
  const isPod = type.id === 'pod';
  const tab = query.get('tab') ?? 'yaml';
  const here = link(id, type.id, ...path);
  const tabs = h('nav', { class: 'tabs', 'aria-label': `Parts of ${name}` },
    h('a', { href: here, 'aria-current': tab === 'yaml' ? 'page' : null }, 'YAML'),
    isPod ? Object.entries(OF_CONTAINERS).map(([path, { title }]) => h('a', { href: `${here}?tab=${path}`, 'aria-current': tab === path ? 'page' : null }, title)) : null);
  const head = [
    h('p', { class: 'crumbs' }, h('a', { href: link(id, type.id) }, type.attributes.kind), namespace ? ` / ${namespace}` : null),
    h('h2', {}, name), tabs];
  if (isPod && tab in OF_CONTAINERS) return h('section', { class: 'panel', id: `${tab}-${address}` }, head, ofContainer(id, namespace, name, tab, query, { memo, keep, signal }));
  const { value, error } = memo(`yaml-${address}`, async () => (await ask(address, { headers: { Accept: 'application/yaml' } })).text());
  return h('section', { class: 'panel' }, head, error ? trouble(error) : null, value === undefined ? null : keep('editor', () => editor(address, value, type)));
}

function editor(address, yaml, type) {
  const mayWrite = type.resourceMethods?.includes('PUT');
  const text = h('textarea', { rows: 28, spellcheck: 'false', 'aria-label': 'YAML', readonly: !mayWrite, value: yaml });
  return h('form', { onsubmit: submitting(async () => {
    const saved = await ask(address, { method: 'PUT', body: text.value, headers: { 'Content-Type': 'application/yaml', Accept: 'application/yaml' } });
    text.value = await saved.text();
    say('Saved.');
  }) }, text, mayWrite ? h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Save')) : null);
}

const OF_CONTAINERS = { log: { title: 'Log', show: log }, shell: { title: 'Shell', show: shell } };

/** What a pod has once for each of its containers. */
function ofContainer(id, namespace, name, tab, query, { memo, keep, signal }) {
  const pod = `${base(id)}/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const { value, error } = memo(`pod-${pod}`, () => get(pod));
  if (error) return trouble(error);
  if (!value) return null;
  const containers = [...(value.spec.initContainers ?? []), ...value.spec.containers].map((container) => container.name);
  const container = query.get('container') ?? value.spec.containers[0].name;
  const here = link(id, 'pod', namespace, name);
  return [
    containers.length > 1 ? h('p', {}, containers.map((one) => [
      h('a', { href: `${here}?tab=${tab}&container=${encodeURIComponent(one)}`, 'aria-current': one === container ? 'page' : null }, one), ' '])) : null,
    keep(tab, () => OF_CONTAINERS[tab].show(pod, container, signal)),
  ];
}

const LOG_LINES = 500;
const LOG_CHARACTERS = 2_000_000;

/** A log as it grows; the oldest of what is shown goes. */
function log(pod, container, signal) {
  const lines = h('pre', { class: 'log', tabindex: 0, 'aria-label': `Log of ${container}` });
  follow(`${pod}/log?container=${encodeURIComponent(container)}&follow=true&tailLines=${LOG_LINES}`, lines, signal);
  return lines;
}

async function follow(address, lines, signal) {
  try {
    const response = await fetch(address, { signal });
    if (!response.ok) throw new Error(await response.text());
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
      lines.append(piece.value);
      while (lines.textContent.length > LOG_CHARACTERS && lines.firstChild !== lines.lastChild) lines.firstChild.remove();
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    }
  } catch (error) {
    if (!signal.aborted) lines.append(`\n— ${error.message}`);
  }
}
