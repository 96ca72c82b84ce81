// Whoever is signed in: password and API tokens; and for administrators, users.

import { command, h, say, trouble } from './dom.js';
import { get, send } from './api.js';
import { ago, moment } from './format.js';
import { remover, submitting } from './form.js';

const DAY_MS = 86_400_000;
const LEAST_PASSWORD = 12;

export function account({ live, user, memo, again, keep, start }) {
  const { value, error } = memo('api-tokens', () => get('/v3/tokens'));
  return [
    h('div', { class: 'head' }, h('h1', {}, user.name || user.username), h('span', { class: 'quiet grow' }, [user.username, user.id, user.admin ? 'administrator' : null].filter(Boolean).join(' · '))),
    h('div', { class: 'grid' },
      h('section', { class: 'panel scroll' },
        h('h2', {}, 'API tokens'),
        error ? trouble(error) : null,
        value ? tokens(value.data, live, () => again('api-tokens')) : null,
        keep('new-token', () => newToken(live, () => again('api-tokens')))),
      h('section', { class: 'panel' }, h('h2', {}, 'Password'), keep('password', () => password(user, start)))),
  ];
}

function tokens(all, live, changed) {
  if (all.length === 0) return h('p', { class: 'quiet' }, 'None.');
  return h('table', {},
    h('thead', {}, h('tr', {}, ['What for', 'Good for', 'Ends'].map((title) => h('th', { scope: 'col' }, title)), h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Revoke')))),
    h('tbody', {}, all.map((token) => h('tr', { id: token.id },
      h('td', {}, token.description || '–', h('div', { class: 'small quiet' }, `${token.id}, made ${ago(token.created)}`)),
      h('td', { class: 'small' }, token.clusterId ? live.clusters.get(token.clusterId)?.name ?? token.clusterId : 'all of your clusters', token.readOnly ? ', read-only' : null),
      h('td', { class: 'small' }, moment(token.expiresAt)),
      h('td', {}, remover({ word: 'Revoke', label: `Revoke ${token.id}`, path: `/v3/tokens/${token.id}`, said: 'Revoked.', changed }))))));
}

function newToken(live, changed) {
  const made = h('div');
  return h('div', {},
    h('form', { onsubmit: submitting(async ({ description, clusterId, days, readOnly }) => {
      const token = await send('POST', '/v3/tokens', { description, clusterId, ttl: Number(days) * DAY_MS, readOnly: readOnly === 'on' });
      made.replaceChildren(h('p', { class: 'small quiet' }, 'Its text, shown this once:'), command(token.token));
      changed();
    }) },
    h('label', { for: 'description' }, 'What for'), h('input', { id: 'description', name: 'description', required: true, maxlength: 200 }),
    h('label', { for: 'clusterId' }, 'Good for'),
    h('select', { id: 'clusterId', name: 'clusterId' }, h('option', { value: '' }, 'all of your clusters'), [...live.clusters.values()].map((one) => h('option', { value: one.id }, one.name))),
    h('label', { for: 'days' }, 'Ends after'),
    h('select', { id: 'days', name: 'days' }, [[1, 'a day'], [7, 'a week'], [30, '30 days'], [90, '90 days']].map(([days, words]) => h('option', { value: days, selected: days === 30 }, words))),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'readOnly' }), ' Read-only'),
    h('div', { class: 'actions' }, h('button', { type: 'submit' }, 'New token'))),
    made);
}

function password(user, start) {
  return h('form', { onsubmit: submitting(async ({ currentPassword, newPassword }) => {
    await send('POST', '/v3/users?action=changepassword', { currentPassword, newPassword });
    say('Changed. Sign in with the new one.');
    await start(); // all sessions have ended
  }) },
  h('input', { type: 'text', name: 'username', autocomplete: 'username', value: user.username, hidden: true, readonly: true }),
  h('label', { for: 'currentPassword' }, 'Current password'),
  h('input', { id: 'currentPassword', name: 'currentPassword', type: 'password', autocomplete: 'current-password', required: true }),
  h('label', { for: 'newPassword' }, 'New password'),
  h('input', { id: 'newPassword', name: 'newPassword', type: 'password', autocomplete: 'new-password', required: true, minlength: LEAST_PASSWORD }),
  h('p', { class: 'small quiet' }, `At least ${LEAST_PASSWORD} characters. All of your sessions end; API tokens stay.`),
  h('div', { class: 'actions' }, h('button', { type: 'submit' }, 'Change')));
}

export function users({ user, memo, again, keep }) {
  if (!user.admin) return [h('div', { class: 'notice bad' }, 'Only administrators manage users.')];
  const { value, error } = memo('users', () => get('/v3/users'));
  return [
    h('div', { class: 'head' }, h('h1', {}, 'Users'), h('span', { class: 'quiet' }, value ? value.data.length : null)),
    h('div', { class: 'grid' },
      h('section', { class: 'panel scroll' },
        error ? trouble(error) : null,
        value ? h('table', {},
          h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'User'), h('th', { scope: 'col' }, 'Is'), h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Delete')))),
          h('tbody', {}, value.data.map((one) => h('tr', { id: one.id },
            h('td', {}, h('b', {}, one.username), ` ${one.name}`, h('div', { class: 'small quiet' }, one.id)),
            h('td', {}, one.admin ? 'administrator' : 'user'),
            h('td', {}, one.me ? null : remover({
              word: 'Delete', label: `Delete ${one.username}`, path: `/v3/users/${one.id}`, said: `${one.username} is gone.`, changed: () => again('users'),
              asked: `Delete ${one.username}, with sessions, tokens and memberships?`,
            })))))) : null),
      h('section', { class: 'panel' }, h('h2', {}, 'New user'), keep('new-user', () => newUser(() => again('users'))))),
  ];
}

function newUser(changed) {
  return h('form', { onsubmit: submitting(async ({ username, name, password, admin }, form) => {
    await send('POST', '/v3/users', { username, name, password, admin: admin === 'on' });
    say(`${username} may sign in. Make him a member of a cluster.`);
    form.reset();
    changed();
  }) },
  h('label', { for: 'new-username' }, 'User'), h('input', { id: 'new-username', name: 'username', required: true, autocomplete: 'off' }),
  h('label', { for: 'new-name' }, 'Name'), h('input', { id: 'new-name', name: 'name', autocomplete: 'off' }),
  h('label', { for: 'new-password' }, 'First password'),
  h('input', { id: 'new-password', name: 'password', type: 'password', autocomplete: 'new-password', required: true, minlength: LEAST_PASSWORD }),
  h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'admin' }), ' Administrator of everything'),
  h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Create')));
}
