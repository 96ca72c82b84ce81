// What has happened to a cluster, and in it.

import { h, state, trouble } from './dom.js';
import { get } from './api.js';
import { ago, moment } from './format.js';
import { clusterOr } from './cluster-parts.js';
import { clusterHead } from './cluster.js';

const REFRESH_MS = 10_000;
const EVENTS = 50;

export function history({ live, id, memo }) {
  return clusterOr(live, id, (cluster) => [
    clusterHead(cluster, '/history'),
    h('div', { class: 'stack' }, events(cluster, memo), changes(cluster, memo)),
  ]);
}

function events(cluster, memo) {
  const parameters = `pagesize=${EVENTS}&page=1&sort=-metadata.creationTimestamp&exclude=metadata.managedFields`;
  const { value, error } = memo(`events-${cluster.id}`, () => get(`/k8s/clusters/${cluster.id}/v1/event?${parameters}`), { every: REFRESH_MS });
  return h('section', { class: 'panel scroll', tabindex: 0, 'aria-label': 'Events in the cluster' },
    h('h2', {}, 'Events in the cluster ', h('span', { class: 'quiet small' }, value && value.count > EVENTS ? `the newest ${EVENTS} of ${value.count}` : null)),
    error ? trouble(error) : null,
    !value ? (error ? null : h('p', { class: 'quiet' }, 'Asking the cluster …')) : value.data.length === 0 ? h('p', { class: 'quiet' }, 'None that you may see.') : table(['', 'When', 'Object', 'Reason', 'What it says'],
      value.data.map((event) => {
        const about = event.involvedObject ?? {};
        const last = event.lastTimestamp ?? event.series?.lastObservedTime ?? event.eventTime ?? event.metadata?.creationTimestamp;
        return [
          state(event._type === 'Normal' || event.type === 'Normal' ? 'good' : 'wait', event._type ?? event.type),
          when(last),
          [h('span', { class: 'quiet' }, `${about.kind ?? ''} `), [about.namespace, about.name].filter(Boolean).join('/')],
          event.reason ?? '',
          [event.message ?? '', event.count > 1 ? h('span', { class: 'quiet' }, ` ×${event.count}`) : null],
        ];
      })));
}

function changes(cluster, memo) {
  const { value, error } = memo(`timeline-${cluster.id}`, () => get(`/v3/clusters/${cluster.id}/timeline`), { every: REFRESH_MS });
  return h('section', { class: 'panel scroll', tabindex: 0, 'aria-label': 'Changes of its conditions' },
    h('h2', {}, 'Changes of its conditions'),
    error ? trouble(error) : null,
    value ? table(['', 'When', 'Condition', 'Reason', 'What it says'], value.data.toSorted((a, b) => b.time.localeCompare(a.time)).map((one) => [
      state(one.status === 'True' ? 'good' : one.status === 'False' ? 'bad' : 'none', one.status), when(one.time), one.type, one.reason, one.message])) : null);
}

function when(time) {
  return h('span', { class: 'small', title: moment(time) }, ago(time));
}

function table(titles, rows) {
  return h('table', {},
    h('thead', {}, h('tr', {}, titles.map((title) => h('th', { scope: 'col' }, title || h('span', { class: 'hidden' }, 'State'))))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, at) => h('td', { class: at === 1 ? 'when' : null }, cell))))));
}
