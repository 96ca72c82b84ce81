// What the list of clusters and the page of one have in common.

import { h, state } from './dom.js';
import { bytes, cores, quantity } from './format.js';

const KINDS = { active: 'good', unavailable: 'bad', pending: 'wait', provisioning: 'wait', waiting: 'wait', removing: 'wait' };

export function clusterState(cluster) {
  return state(KINDS[cluster.state] ?? 'none', cluster.state);
}

/** What is wrong with it, in words; empty: nothing is. */
export function problem(cluster) {
  const wrong = cluster.conditions.find((one) => one.status !== 'True' && one.message);
  return wrong?.message ?? '';
}

/** A part about a cluster, or why there is none. */
export function clusterOr(live, id, part) {
  const cluster = live.clusters.get(id);
  if (cluster) return part(cluster);
  return live.ready ? [h('div', { class: 'notice bad' }, 'There is no such cluster, or you are no member of it.')] : [];
}

/** How much of something is used and asked for. */
export function meter(label, cluster, name) {
  const room = quantity(cluster.allocatable?.[name]);
  if (!room) return h('span', { class: 'quiet' }, '–');
  const asked = quantity(cluster.requested?.[name]);
  const used = quantity(cluster.usage?.[name]);
  const shown = used ?? asked;
  if (shown === null) return h('span', { class: 'quiet' }, '–');
  const unit = name === 'memory' ? bytes : cores;
  const share = (amount) => `${Math.min(100, (100 * amount) / room).toFixed(1)}%`;
  const words = [
    used === null ? null : `${unit(used)} used`,
    asked === null ? null : `${unit(asked)} requested`,
    `${unit(room)} in all`,
  ].filter(Boolean).join(', ');
  return h('div', { class: 'meter' },
    h('div', {
      class: 'bar', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': room,
      'aria-valuenow': shown, 'aria-valuetext': words, title: words,
    },
    asked === null ? null : h('i', { style: { width: share(asked) } }),
    used === null ? null : h('i', { class: used > 0.9 * room ? 'used high' : 'used', style: { width: share(used) } })),
    h('div', { class: 'text' }, `${unit(shown)} of ${unit(room)}${used === null ? ' requested' : ''}`));
}
