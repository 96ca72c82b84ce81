// All clusters.

import { h } from './dom.js';
import { ago } from './format.js';
import { clusterState, meter, problem } from './cluster-parts.js';

const ORDER = { unavailable: 0, pending: 1, active: 2 };

export function clusters({ live, user }) {
  const all = [...live.clusters.values()];
  all.sort((a, b) => (ORDER[a.state] ?? 1) - (ORDER[b.state] ?? 1) || a.name.localeCompare(b.name));
  const wrong = all.filter((cluster) => cluster.state === 'unavailable').length;
  const summary = all.length === 0 ? '' : `${all.length} ${all.length === 1 ? 'cluster' : 'clusters'}${wrong ? `, ${wrong} unavailable` : ''}`;
  return [
    h('div', { class: 'head' },
      h('h1', {}, 'Clusters'), h('span', { class: 'quiet grow' }, summary),
      user.admin ? h('a', { class: 'button primary', href: '#/import' }, 'Import a cluster') : null),
    all.length === 0 && live.ready ? nothing(user) : all.length === 0 ? null : h('div', { class: 'panel scroll' }, table(all)),
  ];
}

function nothing(user) {
  return h('div', { class: 'panel empty' },
    h('h2', {}, 'No clusters yet'),
    user.admin
      ? [h('p', { class: 'quiet' }, 'Import one: a command to apply, and an agent in it dials out to this server.'), h('a', { class: 'button primary', href: '#/import' }, 'Import a cluster')]
      : h('p', { class: 'quiet' }, 'You are a member of none. Whoever owns one makes you a member by your id: ', h('code', {}, user.id)));
}

function table(all) {
  const titles = ['State', 'Name', 'Kubernetes', 'Nodes', 'CPU', 'Memory', 'Last seen'];
  return h('table', {},
    h('thead', {}, h('tr', {}, titles.map((title) => h('th', { scope: 'col', class: title === 'Nodes' ? 'number' : null }, title)))),
    h('tbody', {}, all.map(row)));
}

function row(cluster) {
  const why = problem(cluster);
  return h('tr', { id: `row-${cluster.id}` },
    h('td', {}, clusterState(cluster)),
    h('td', {},
      h('a', { class: 'name', href: `#/clusters/${cluster.id}` }, cluster.name),
      why ? h('div', { class: 'why' }, why) : null),
    h('td', {}, cluster.version?.gitVersion ?? '–', h('div', { class: 'small quiet' }, cluster.provider ?? '')),
    h('td', { class: 'number' }, cluster.nodeCount ?? '–'),
    h('td', {}, meter(`CPU of ${cluster.name}`, cluster, 'cpu')),
    h('td', {}, meter(`Memory of ${cluster.name}`, cluster, 'memory')),
    h('td', { class: 'small' }, ago(cluster.lastSeen) || '–'));
}
