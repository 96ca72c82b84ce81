// One cluster.

import { h, say, state, trouble } from './dom.js';
import { get, send } from './api.js';
import { ago, bytes, moment } from './format.js';
import { clusterOr, clusterState, meter, problem } from './cluster-parts.js';
import { chart } from './chart.js';

const SIGNS = { good: '✓', bad: '!', wait: '…', none: '' };

export function clusterHead(cluster, tab) {
  const tabs = [['', 'Overview'], ['/health', 'Health'], ['/capabilities', 'Capabilities'], ['/explore', 'Explorer'], ['/history', 'History'], ['/members', 'Members'], ['/manage', 'Manage']];
  return [
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Clusters')),
    h('div', { class: 'head' },
      h('h1', {}, cluster.name), clusterState(cluster),
      h('span', { class: 'quiet grow' }, [cluster.version?.gitVersion, cluster.provider].filter(Boolean).join(' · ')),
      h('button', { type: 'button', onclick: () => kubeconfig(cluster) }, 'Kubeconfig')),
    h('nav', { class: 'tabs', 'aria-label': `Parts of ${cluster.name}` },
      tabs.map(([path, title]) => h('a', { href: `#/clusters/${cluster.id}${path}`, 'aria-current': path === tab ? 'page' : null }, title))),
  ];
}

async function kubeconfig(cluster) {
  try {
    const made = await send('POST', `/v3/clusters/${cluster.id}?action=generateKubeconfig`, {});
    const address = URL.createObjectURL(new Blob([made.config], { type: 'application/yaml' }));
    h('a', { href: address, download: `${cluster.name}.yaml` }).click();
    URL.revokeObjectURL(address);
    say(`kubectl --kubeconfig ${cluster.name}.yaml get nodes`);
  } catch (error) {
    say(error.message);
  }
}

/** How it came to be what it is. */
export function conditions(cluster) {
  return h('ol', { class: 'line' }, cluster.conditions.map((one) => {
    const kind = one.status === 'True' ? 'good' : one.status === 'False' ? (one.message ? 'bad' : 'wait') : 'none';
    return h('li', { class: kind, 'data-sign': SIGNS[kind] },
      h('b', {}, one.type),
      one.reason ? ` · ${one.reason}` : null,
      one.message ? h('div', {}, one.message) : null,
      one.lastTransitionTime ? h('div', { class: 'when', title: moment(one.lastTransitionTime) }, ago(one.lastTransitionTime)) : null);
  }));
}

export function overview({ live, id, memo }) {
  return clusterOr(live, id, (cluster) => overviewOf(cluster, memo));
}

function overviewOf(cluster, memo) {
  const report = reportOf(memo, cluster);
  const why = problem(cluster);
  return [
    clusterHead(cluster, ''),
    why ? h('div', { class: 'notice bad' }, h('b', {}, 'What is wrong: '), why) : null,
    h('div', { class: 'grid' },
      h('section', { class: 'panel' }, h('h2', {}, 'Conditions'), conditions(cluster)),
      h('div', { class: 'stack' },
        h('section', { class: 'panel' },
          h('h2', {}, 'Usage'),
          h('dl', { class: 'facts' },
            h('dt', {}, 'CPU'), h('dd', {}, meter('CPU', cluster, 'cpu')),
            h('dt', {}, 'Memory'), h('dd', {}, meter('Memory', cluster, 'memory')),
            h('dt', {}, 'Pods'), h('dd', {}, meter('Pods', cluster, 'pods')),
            h('dt', {}, 'Nodes'), h('dd', {}, cluster.nodeCount ?? '–')),
          charts(memo, cluster)),
        h('section', { class: 'panel scroll', tabindex: 0, 'aria-label': 'Tunnels' }, h('h2', {}, 'Tunnels'), tunnels(memo, cluster)),
        h('section', { class: 'panel' }, h('h2', {}, 'Agent'), agent(cluster, report.value)))),
  ];
}

const SAMPLES_MS = 60_000;

/** A day by the minute, as far as it is known. */
function charts(memo, cluster) {
  const samples = memo(`samples-${cluster.id}`, () => get(`/v3/clusters/${cluster.id}/samples`), { every: SAMPLES_MS }).value?.data ?? [];
  if (samples.length < 2) return null;
  const curve = (title, unit, value) => [h('h3', {}, title), chart({ title, unit, points: withGaps(samples, value) })];
  return [
    curve('CPU in use', 'cores', (sample) => figure(sample.cpuUsedMilli ?? sample.cpuRequestedMilli, 1000)),
    curve('Memory in use', 'bytes', (sample) => figure(sample.memoryUsedBytes ?? sample.memoryRequestedBytes, 1)),
    curve('Pods', '', (sample) => sample.pods),
  ];
}

function figure(value, unit) {
  return value === null || value === undefined ? null : value / unit;
}

/** A report is due every 5 minutes; where there was none for longer there is nothing to draw. */
const GAP_MS = 660_000;

/** Agents are asked several times a minute. */
const LATENCY_GAP_MS = 120_000;

function withGaps(samples, value, gap = GAP_MS) {
  const points = [];
  for (const sample of samples) {
    const time = Date.parse(sample.minute);
    if (points.length > 0 && time - points.at(-1)[0] > gap) points.push([points.at(-1)[0] + 1, null]);
    points.push([time, value(sample) ?? null]);
  }
  return points;
}

function agent(cluster, report) {
  const facts = [
    ['Version', report?.agent?.version],
    ['Report made', report && ago(report.observedAt)],
    ['Last seen', ago(cluster.lastSeen)],
    ['Gateway', report?.agent?.gateway && `on, policy ${report.agent.gateway.policy}`],
    ['Created', moment(cluster.created)],
    ['Id', cluster.id],
    ...(report?.health?.tunnels ?? []).filter((tunnel) => !tunnel.connected).map((tunnel) => [`Says of ${tunnel.name}`, state('bad', tunnel.reason ?? 'down')]),
  ].filter(([, value]) => value);
  return h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

const TUNNELS_MS = 5_000;

/** Its sessions as this server sees them. */
function tunnels(memo, cluster) {
  const { value, error } = memo(`tunnels-${cluster.id}`, () => get(`/v3/clusters/${cluster.id}/tunnels`), { every: TUNNELS_MS });
  if (error) return trouble(error);
  if (!value) return null;
  return [
    value.data.length === 0 ? h('p', { class: 'quiet' }, 'No tunnel is open.') : h('table', {},
      h('thead', {}, h('tr', {}, ['Tunnel', 'State', 'Since', 'Streams', 'Received', 'Sent'].map((title, at) => h('th', { scope: 'col', class: at > 2 ? 'number' : null }, title)))),
      h('tbody', {}, value.data.map((one) => h('tr', {},
        h('td', {}, one.tunnel),
        h('td', {}, one.healthy ? state('good', 'open') : state('wait', 'silent')),
        h('td', { class: 'small when' }, ago(one.since)),
        h('td', { class: 'number' }, one.streams),
        h('td', { class: 'number small' }, bytes(one.receivedBytes)),
        h('td', { class: 'number small' }, bytes(one.sentBytes)))))),
    value.latencies.length < 2 ? null : [h('h3', {}, 'Answer to a ping'), chart({ title: 'Answer to a ping', unit: 'ms', points: withGaps(value.latencies, (one) => one.milliseconds, LATENCY_GAP_MS) })],
  ];
}

/** The newest report; asked for anew when the cluster says that there is one. */
function reportOf(memo, cluster) {
  if (!cluster.links?.report) return {};
  return memo(`report-${cluster.id}-${cluster.observedAt ?? ''}`, async () => (await get(`/v3/clusters/${cluster.id}/report`)).report);
}

export function health({ live, id, memo }) {
  return clusterOr(live, id, (cluster) => healthOf(cluster, memo));
}

function healthOf(cluster, memo) {
  const { value: report, error } = reportOf(memo, cluster);
  if (!report) return [clusterHead(cluster, '/health'), error ? trouble(error) : noReport(cluster)];
  const found = report.health ?? {};
  return [
    clusterHead(cluster, '/health'),
    h('div', { class: 'grid' },
      list('Checks', found.checks, ['', 'Check', 'ms', 'What it said'], (check) => [
        check.ok ? state('good', 'ok') : state('bad', 'failed'), check.name, check.latencyMs ?? '', check.message ?? '']),
      list('Components', (found.componentStatuses ?? []).flatMap((one) => one.conditions.map((condition) => ({ name: one.name, ...condition }))),
        ['', 'Component', 'What it said'], (one) => [one.status === 'True' ? state('good', 'ok') : state('bad', one.status), one.name, one.error || one.message || '']),
      list('Nodes in trouble', (found.nodes?.offenders ?? []).flatMap((node) => node.conditions.map((condition) => ({ node: node.name, ...condition }))),
        ['Node', 'Condition', 'Why'], (one) => [one.node, `${one.type}=${one.status}`, one.message || one.reason || '']),
      list('Workloads in trouble', found.systemWorkloads?.offenders, ['Workload', 'Ready', 'Why'],
        (one) => [`${one.namespace}/${one.name} (${one.kind})`, `${one.ready ?? 0} of ${one.desired ?? '?'}`, one.message || one.reason || '']),
      list('APIs that do not answer', found.unavailableApis, ['API', 'Why'], (one) => [one.name, one.message || one.reason || '']),
      list('Certificates that end soon', found.expiringCertificates, ['Certificate', 'Ends'], (one) => [`${one.subject} (${one.source})`, moment(one.notAfter)]),
      list('From nodes', report.nodes?.checks, ['Check', 'ok', 'failed', 'median ms'], (one) => [one.name, one.ok ?? 0, one.failed ?? 0, one.medianMs ?? ''])),
  ];
}

function list(title, rows, titles, cells) {
  if (!rows) return null;
  return h('section', { class: 'panel scroll', tabindex: 0, 'aria-label': title },
    h('h2', {}, title),
    rows.length === 0 ? h('p', { class: 'quiet' }, 'None.') : h('table', {},
      h('thead', {}, h('tr', {}, titles.map((one) => h('th', { scope: 'col' }, one || h('span', { class: 'quiet' }, 'State'))))),
      h('tbody', {}, rows.map((row) => h('tr', {}, cells(row).map((cell) => h('td', {}, cell)))))));
}

function noReport(cluster) {
  return h('div', { class: 'panel empty' }, h('p', { class: 'quiet' },
    cluster.state === 'pending' ? 'Its agent has not been here yet.' : 'Its agent has not sent a report yet.'));
}

export function capabilities({ live, id, memo }) {
  return clusterOr(live, id, (cluster) => capabilitiesOf(cluster, memo));
}

function capabilitiesOf(cluster, memo) {
  const { value: report, error } = reportOf(memo, cluster);
  if (!report) return [clusterHead(cluster, '/capabilities'), error ? trouble(error) : noReport(cluster)];
  const is = report.capabilities ?? {};
  const more = report.details ?? {};
  const proof = (path, value) => proven(report, path, value);
  const balancer = is.loadBalancerCapabilities;
  return [
    clusterHead(cluster, '/capabilities'),
    h('div', { class: 'grid' },
      h('section', { class: 'panel' },
        h('h2', {}, 'What Rancher asks for'),
        h('dl', { class: 'facts' },
          fact('Load balancer', proof('capabilities.loadBalancerCapabilities', balancer && (balancer.enabled ? `${balancer.provider ?? 'yes'}${balancer.protocolsSupported ? ` (${balancer.protocolsSupported.join(', ')})` : ''}` : balancer.enabled === false ? 'none' : undefined))),
          fact('Ingress', proof('capabilities.ingressCapabilities', is.ingressCapabilities?.map((one) => one.ingressProvider).join(', '))),
          fact('Node ports', proof('capabilities.nodePortRange', is.nodePortRange)),
          fact('Taints', proof('capabilities.taintSupport', yes(is.taintSupport))),
          fact('Node pools can grow', proof('capabilities.nodePoolScalingSupported', yes(is.nodePoolScalingSupported))),
          fact('Pod security policies', proof('capabilities.pspEnabled', yes(is.pspEnabled))))),
      list('Storage classes', more.storageClasses, ['Name', 'Provisioner', 'Default', 'Grows'],
        (one) => [h('b', {}, one.name), one.product ?? one.provisioner, one.isDefault ? 'yes' : '', yes(one.allowVolumeExpansion) ?? '']),
      list('Ingress controllers', more.ingressControllers, ['Provider', 'Classes', 'Runs'],
        (one) => [one.provider, (one.classes ?? []).join(', '), yes(one.running) ?? '']),
      list('Load balancers', more.loadBalancers, ['Provider', 'Works', 'Seen in'],
        (one) => [one.provider, yes(one.working) ?? '', (one.sources ?? []).join(', ')]),
      list('Taints in use', more.taints, ['Key', 'Effect', 'Nodes'], (one) => [`${one.key}${one.value ? `=${one.value}` : ''}`, one.effect, one.nodes]),
      list('Not determined', report.undetermined, ['What', 'Why'], (one) => [h('code', {}, one.path), `${one.cause}${one.detail ? `: ${one.detail}` : ''}`])),
  ];
}

function yes(value) {
  return value === undefined ? undefined : value ? 'yes' : 'no';
}

function fact(name, value) {
  return [h('dt', {}, name), h('dd', {}, value)];
}

/** A value, and on hover and for readers why it is believed. */
function proven(report, path, value) {
  const evidence = report.evidence?.[path] ?? Object.entries(report.evidence ?? {}).find(([name]) => name.startsWith(`${path}.`) || name.startsWith(`${path}[`))?.[1];
  const missing = (report.undetermined ?? []).find((one) => one.path === path || one.path.startsWith(`${path}.`));
  if (value === undefined || value === '') {
    return h('span', { class: 'quiet' }, missing ? `not known: ${missing.cause}` : 'not known');
  }
  if (!evidence) return value;
  const words = `${evidence.source}, ${moment(evidence.observedAt)}`;
  return [
    h('span', { class: 'proof', tabindex: 0, title: words, 'aria-description': words }, value),
    ' ', h('span', { class: 'sure' }, evidence.confidence),
  ];
}
