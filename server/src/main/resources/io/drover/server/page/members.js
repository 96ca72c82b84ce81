// Who may do what in a cluster.

import { h, say, trouble } from './dom.js';
import { get, send } from './api.js';
import { clusterOr } from './cluster-parts.js';
import { remover, submitting } from './form.js';
import { clusterHead } from './cluster.js';

const ROLES = {
  'cluster-owner': 'owner: everything, and its members',
  'cluster-member': 'member: objects, as ClusterRole edit',
  'read-only': 'read-only: looks, as ClusterRole view',
};

export function members({ live, id, user, memo, again, keep }) {
  return clusterOr(live, id, (cluster) => {
    const key = `members-${id}`;
    const { value, error } = memo(key, () => get(`/v3/clusterroletemplatebindings?clusterId=${id}`));
    const users = user.admin ? memo('users', () => get('/v3/users')).value?.data : [];
    const mine = value?.data.find((member) => member.userId === user.id)?.roleTemplateId;
    const owns = user.admin || mine === 'cluster-owner';
    return [
      clusterHead(cluster, '/members'),
      h('div', { class: 'grid' },
        h('section', { class: 'panel scroll' },
          h('h2', {}, 'Members'),
          error ? trouble(error) : null,
          value && listed(value.data, owns, () => again(key))),
        owns && users ? h('section', { class: 'panel' }, h('h2', {}, 'Add one'), keep('add', () => adding(id, user, users, () => again(key)))) : null),
      h('p', { class: 'small quiet' }, 'Administrators may do everything in all clusters, and are not listed here.'),
    ];
  });
}

function listed(all, owns, changed) {
  if (all.length === 0) return h('p', { class: 'quiet' }, 'Nobody yet, but administrators.');
  return h('table', {},
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'User'), h('th', { scope: 'col' }, 'Role'), owns ? h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Remove')) : null)),
    h('tbody', {}, all.map((member) => h('tr', { id: member.id },
      h('td', {}, member.username, h('div', { class: 'small quiet' }, member.userId)),
      h('td', {}, ROLES[member.roleTemplateId] ?? member.roleTemplateId),
      owns ? h('td', {}, remover({
        word: 'Remove', label: `Remove ${member.username}`, path: `/v3/clusterroletemplatebindings/${encodeURIComponent(member.id)}`,
        said: `${member.username} is no member any more.`, changed,
      })) : null))));
}

function adding(clusterId, user, users, changed) {
  const others = users.filter((one) => !one.admin);
  return h('form', { onsubmit: submitting(async (fields) => {
    await send('POST', '/v3/clusterroletemplatebindings', { clusterId, ...fields });
    say('Added.');
    changed();
  }) },
  h('label', { for: 'userId' }, 'User'),
  !user.admin
    ? [h('input', { id: 'userId', name: 'userId', required: true, placeholder: 'u-xxxxx', 'aria-describedby': 'userId-hint' }), h('p', { id: 'userId-hint', class: 'small quiet' }, 'His id: he finds it under his name, at the top.')]
    : others.length > 0
      ? h('select', { id: 'userId', name: 'userId', required: true }, others.map((one) => h('option', { value: one.id }, one.username)))
      : [h('select', { id: 'userId', name: 'userId', required: true }), h('p', { class: 'small quiet' }, 'There are no users but administrators: ', h('a', { href: '#/users' }, 'make one'), '.')],
  h('label', { for: 'roleTemplateId' }, 'Role'),
  h('select', { id: 'roleTemplateId', name: 'roleTemplateId' }, Object.entries(ROLES).reverse().map(([role, words]) => h('option', { value: role }, words))),
  h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Add')));
}
