// Elements, without a library: made by h, put in place by morph.

const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS = new Set(['svg', 'path', 'title']);

/**
 * An element. Attributes that are false or null are left out; on… are listeners. Children are
 * nodes, texts, lists of these, or nothing (null, false). Nothing is ever read as HTML.
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) {
      element[name] = value;
    } else if (name === 'value' || name === 'style') {
      if (name === 'style') Object.assign(element.style, value); // the policy forbids the attribute
      else element.value = value;
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Makes what is shown what it should be, in place: focus, what is typed and what is folded out stay.
 * Children with an id are the same ones if their ids are.
 */
export function morph(shown, wanted) {
  if (shown.nodeType !== wanted.nodeType || shown.nodeName !== wanted.nodeName || shown.id !== wanted.id) {
    shown.replaceWith(wanted);
    return;
  }
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  if ('kept' in wanted.dataset) return;
  for (const { name } of [...shown.attributes]) {
    if (!wanted.hasAttribute(name) && name !== 'style' && !(name === 'open' && shown.tagName === 'DETAILS')) shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== 'style' && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  if (shown.style.cssText !== wanted.style.cssText) shown.style.cssText = wanted.style.cssText;
  for (const event of ['onclick', 'onsubmit', 'oninput', 'onchange']) shown[event] = wanted[event];
  children(shown, wanted);
}

function children(shown, wanted) {
  const named = new Map([...shown.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = shown.firstChild;
  for (const child of [...wanted.childNodes]) {
    const same = child.id ? named.get(child.id) : at;
    if (!same || (child.id ? false : at.id)) {
      shown.insertBefore(child, at);
      continue;
    }
    if (same !== at) shown.insertBefore(same, at);
    else at = at.nextSibling;
    morph(same, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Tells something in words, also to those who hear the page. */
export function say(text) {
  const said = document.getElementById('said');
  said.replaceChildren(h('p', {}, text));
  clearTimeout(say.until);
  say.until = setTimeout(() => said.replaceChildren(), 6000);
}

/** A command with a button that copies it. */
export function command(text) {
  return h('div', { class: 'command' },
    h('code', {}, text),
    h('button', { type: 'button', onclick: async () => {
      await navigator.clipboard.writeText(text);
      say('Copied.');
    } }, 'Copy'));
}

/** A state in words, with a sign and a colour. */
export function state(kind, text) {
  const signs = { good: '●', bad: '▲', wait: '◐', none: '○' };
  return h('span', { class: `state ${kind}`, 'data-sign': signs[kind] }, text);
}

/** What went wrong, instead of what should be here. */
export function trouble(error) {
  return h('div', { class: 'notice bad', role: 'alert' }, error.message);
}
