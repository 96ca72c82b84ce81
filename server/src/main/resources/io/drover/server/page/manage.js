// Registration tokens of a cluster, and its end.

import { command, h, say, state, trouble } from './dom.js';
import { get, send } from './api.js';
import { ago, moment } from './format.js';
import { clusterOr } from './cluster-parts.js';
import { submitting } from './form.js';
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
        h('section', { class: 'panel' }, h('h2', {}, 'Remove this cluster'), keep('remove', () => removal(cluster, go)))),
    ];
  });
}

function tokens(all, changed) {
  if (all.length === 0) return h('p', { class: 'quiet' }, 'None.');
  return h('table', {},
    h('thead', {}, h('tr', {}, ['State', 'Made', 'Ends'].map((title) => h('th', { scope: 'col' }, title)), h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Revoke')))),
    h('tbody', {}, all.map((token) => h('tr', { id: token.id },
      h('td', {}, state(KINDS[token.state] ?? 'none', token.state)),
      h('td', { class: 'small' }, ago(token.created)),
      h('td', { class: 'small' }, token.revokedAt ? `revoked ${ago(token.revokedAt)}` : token.expiresAt ? moment(token.expiresAt) : 'never'),
      h('td', {}, token.revokedAt ? null : h('button', { type: 'button', class: 'danger', 'aria-label': `Revoke the token made ${ago(token.created)}`, onclick: async () => {
        try {
          await send('DELETE', `/v3/clusterregistrationtokens/${token.id}`);
          say('Revoked.');
        } catch (problem) {
          say(problem.message);
        }
        changed();
      } }, 'Revoke'))))));
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

function removal(cluster, go) {
  return h('form', { onsubmit: submitting(async ({ sure }) => {
    if (sure.trim() !== cluster.name) throw new Error('That is not its name.');
    await send('DELETE', `/v3/clusters/${cluster.id}`);
    say(`${cluster.name} is being removed.`);
    go('#/');
  }) },
  h('p', {}, 'Its agent is removed from it, with all that the import has made there, and this server forgets it: its members, tokens and reports. What else runs in the cluster is not touched.'),
  h('label', { for: 'sure' }, 'Type ', h('code', {}, cluster.name), ' to go on'),
  h('input', { id: 'sure', name: 'sure', required: true, autocomplete: 'off' }),
  h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'danger' }, 'Remove')));
}
