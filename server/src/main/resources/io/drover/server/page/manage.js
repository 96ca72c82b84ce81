// Registration tokens of a cluster, and its end.

import { command, h, state, trouble } from './dom.js';
import { get, send } from './api.js';
import { ago, moment } from './format.js';
import { clusterOr } from './cluster-parts.js';
import { remover, submitting } from './form.js';
import { clusterHead } from './cluster.js';

const KINDS = { active: 'good', grace: 'wait' };

export function manage({ live, id, user, memo, again, keep, go }) {
  return clusterOr(live, id, (cluster) => {
    const key = `tokens-${id}`;
    const { value, error } = user.admin ? memo(key, () => get(`/v3/clusterregistrationtokens?clusterId=${id}`)) : {};
    return [
      clusterHead(cluster, '/manage'),
      h('div', { class: 'grid' },
        user.admin ? h('section', { class: 'panel scroll' },
          h('h2', {}, 'Registration tokens'),
          h('p', { class: 'small quiet' }, 'The agent comes in with one of these. Its text is shown once.'),
          error ? trouble(error) : null,
          value ? tokens(value.data, () => again(key)) : null,
          keep('new-token', () => newToken(id, () => again(key)))) : null,
        h('section', { class: 'panel' }, h('h2', {}, 'Remove this cluster'),
          cluster.state === 'removing' ? h('div', { class: 'notice' }, 'It is being removed: ', waitedFor(cluster)) : null,
          keep(`remove-${cluster.state === 'removing'}`, () => removal(cluster, go)))),
    ];
  });
}

function waitedFor(cluster) {
  return cluster.conditions.find((one) => one.type === 'Removed')?.message ?? '';
}

function tokens(all, changed) {
  if (all.length === 0) return h('p', { class: 'quiet' }, 'None.');
  return h('table', {},
    h('thead', {}, h('tr', {}, ['State', 'Made', 'Ends'].map((title) => h('th', { scope: 'col' }, title)), h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Revoke')))),
    h('tbody', {}, all.map((token) => h('tr', { id: token.id },
      h('td', {}, state(KINDS[token.state] ?? 'none', token.state)),
      h('td', { class: 'small' }, ago(token.created)),
      h('td', { class: 'small' }, token.revokedAt ? `revoked ${ago(token.revokedAt)}` : token.expiresAt ? moment(token.expiresAt) : 'never'),
      h('td', {}, token.revokedAt ? null : remover({
        word: 'Revoke', label: `Revoke the token made ${ago(token.created)}`, path: `/v3/clusterregistrationtokens/${token.id}`, said: 'Revoked.', changed,
      }))))));
}

function newToken(clusterId, changed) {
  const made = h('div');
  return h('div', {},
    h('form', { onsubmit: submitting(async (fields) => {
      const token = await send('POST', '/v3/clusterregistrationtokens', { clusterId, ttl: Number(fields.days) * 24 * 60 });
      made.replaceChildren(h('p', { class: 'small quiet' }, 'Apply this to the cluster:'), command(token.command));
      changed();
    }) },
    h('label', { for: 'days' }, 'Good for'),
    h('select', { id: 'days', name: 'days' }, [[1, 'a day'], [7, 'a week'], [30, '30 days'], [365, 'a year'], [0, 'ever']].map(([days, words]) => h('option', { value: days, selected: days === 30 }, words))),
    h('div', { class: 'actions' }, h('button', { type: 'submit' }, 'New token'))),
    made);
}

let last = null;

/** What the newest removal has left in its cluster. */
export function removed() {
  if (!last) return [h('a', { href: '#/' }, 'All clusters')];
  return [
    h('div', { class: 'head' }, h('h1', {}, `${last.name} is removed`)),
    h('div', { class: 'panel' },
      h('p', {}, last.message),
      last.cleanupCommand ? command(last.cleanupCommand) : null,
      h('div', { class: 'actions' }, h('a', { class: 'button', href: '#/' }, 'All clusters'))),
  ];
}

function removal(cluster, go) {
  const forced = cluster.state === 'removing';
  return h('div', {},
    h('form', { onsubmit: submitting(async ({ sure }, form) => {
      if (sure.trim() !== cluster.name) throw new Error('That is not its name.');
      const answer = await send('DELETE', `/v3/clusters/${cluster.id}${forced ? '?force=true' : ''}`);
      form.reset();
      if (answer.state !== 'removed') return;
      last = { name: cluster.name, ...answer };
      go('#/removed');
    }) },
    h('p', {}, forced
      ? 'If it cannot be waited for: the record goes now, whatever stays in the cluster.'
      : 'Its agent is removed from it, with all that the import has made there, and this server forgets it: its members, tokens and reports. What else runs in the cluster is not touched.'),
    h('label', { for: 'sure' }, 'Type ', h('code', {}, cluster.name), ' to go on'),
    h('input', { id: 'sure', name: 'sure', required: true, autocomplete: 'off' }),
    h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'danger' }, forced ? 'Remove the record now' : 'Remove'))));
}
