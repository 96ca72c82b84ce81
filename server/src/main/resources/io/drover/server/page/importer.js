// The way of a cluster in here.

import { command, h, state, trouble } from './dom.js';
import { send } from './api.js';
import { clusterOr } from './cluster-parts.js';
import { submitting } from './form.js';
import { conditions } from './cluster.js';

export function importer({ live, go, keep }) {
  return [h('div', { class: 'head' }, h('h1', {}, 'Import a cluster')), keep('import', () => newCluster(live, go))];
}

function newCluster(live, go) {
  return h('form', {
    class: 'panel fields',
    onsubmit: submitting(async (fields) => {
      const cluster = await send('POST', '/v3/clusters', asked(fields));
      live.put(cluster);
      go(`#/import/${cluster.id}`);
    }),
  },
  h('label', { for: 'name' }, 'Name'),
  h('input', { id: 'name', name: 'name', required: true, maxlength: 63, pattern: '[a-z0-9]([\\-a-z0-9]*[a-z0-9])?', 'aria-describedby': 'name-hint', autofocus: true }),
  h('p', { id: 'name-hint', class: 'small quiet' }, 'a–z, 0–9 and -, not at an end.'),
  h('details', {},
    h('summary', {}, 'Registry and environment'),
    h('label', { for: 'registry' }, 'Private registry ', h('span', { class: 'quiet' }, 'for the agent’s image')),
    h('input', { id: 'registry', name: 'registry', placeholder: 'registry.example.com' }),
    h('label', { for: 'variables' }, 'Environment of the agent ', h('span', { class: 'quiet' }, 'NAME=value, one a line')),
    h('textarea', { id: 'variables', name: 'variables', rows: 4, spellcheck: 'false', value: `DROVER_REPORT_URL=${location.origin}/v3/reports\n` }),
    h('p', { class: 'small quiet' }, 'Reports sent here are what this page shows of health and capabilities. A proxy: HTTPS_PROXY=http://proxy.example.com:3128')),
  h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Continue'), h('a', { class: 'button', href: '#/' }, 'Cancel')));
}

/** What is asked for, as the API takes it. */
function asked(fields) {
  const variables = fields.variables.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf('=');
    return at < 0 ? { name: line, value: '' } : { name: line.slice(0, at), value: line.slice(at + 1) };
  });
  return {
    name: fields.name,
    ...(fields.registry && { importedConfig: { privateRegistryURL: fields.registry } }),
    ...(variables.length > 0 && { agentEnvVars: variables }),
  };
}

/** The commands of a new cluster, until its agent is there. */
export function awaited({ live, id, memo }) {
  return clusterOr(live, id, (cluster) => awaitedOf(cluster, memo));
}

function awaitedOf(cluster, memo) {
  const { id } = cluster;
  const token = memo(`token-${id}`, () => send('POST', '/v3/clusterregistrationtokens', { clusterId: id }));
  const there = cluster.state === 'active';
  return [
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Clusters')),
    h('div', { class: 'head' }, h('h1', {}, `Import ${cluster.name}`),
      there ? state('good', 'connected') : state('wait', 'waiting for its agent')),
    h('div', { class: 'grid' },
      h('section', { class: 'panel' },
        h('h2', {}, '1. Apply this to the cluster'),
        token.error ? trouble(token.error) : null,
        token.value ? commands(token.value) : null),
      h('section', { class: 'panel' },
        h('h2', {}, '2. Its agent dials in'),
        conditions(cluster),
        there
          ? h('div', { class: 'notice good' }, `${cluster.name} is active. `, h('a', { href: `#/clusters/${id}` }, 'Look at it'))
          : h('p', { class: 'small quiet' }, 'This page turns green by itself.'))),
  ];
}

function commands(token) {
  return [
    h('p', { class: 'small quiet' }, 'With kubectl, as a cluster admin:'),
    command(token.command),
    h('p', { class: 'small quiet' }, 'If the certificate of this server is signed by no authority that you trust:'),
    command(token.insecureCommand),
  ];
}
