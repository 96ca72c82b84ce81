// A curve over time.

import { h } from './dom.js';
import { bytes, cores } from './format.js';

const UNITS = { bytes, cores, ms: (value) => `${Math.round(value)} ms`, '': (value) => `${value}` };

/** points are [milliseconds, value]; a value that is null is a gap. */
export function chart({ title, unit, points }) {
  const known = points.filter(([, value]) => value !== null);
  if (known.length < 2) return h('p', { class: 'small quiet' }, 'Not enough figures yet.');
  const format = UNITS[unit] ?? UNITS[''];
  const first = points[0][0];
  const span = points.at(-1)[0] - first || 1;
  const top = Math.max(...known.map(([, value]) => value)) || 1;
  const x = (time) => ((1000 * (time - first)) / span).toFixed(1);
  const y = (value) => (96 - (92 * value) / top).toFixed(1);
  let curve = '';
  let area = '';
  let open = null;
  for (const [time, value] of points) {
    if (value === null) {
      if (open) area += `L${open},100Z`;
      open = null;
      continue;
    }
    area += open ? `L${x(time)},${y(value)}` : `M${x(time)},100L${x(time)},${y(value)}`;
    curve += `${open ? 'L' : 'M'}${x(time)},${y(value)}`;
    open = x(time);
  }
  if (open) area += `L${open},100Z`;
  const words = `${title}: ${format(known.at(-1)[1])} now, ${format(top)} at most`;
  return [
    h('svg', { class: 'chart', viewBox: '0 0 1000 100', preserveAspectRatio: 'none', role: 'img', 'aria-label': words },
      h('path', { class: 'area', d: area }), h('path', { class: 'curve', d: curve })),
    h('p', { class: 'small quiet' }, words),
  ];
}
