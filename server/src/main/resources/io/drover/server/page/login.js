// Who is there.

import { h } from './dom.js';
import { get, send } from './api.js';
import { submitting } from './form.js';

/** The user that is signed in; null: nobody is. */
export async function whoAmI() {
  try {
    const users = await get('/v3/users?me=true');
    return users.data[0] ?? null;
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

const PROBLEMS = {
  unavailable: 'The provider does not answer: try again, or ask whoever runs this server.',
  expired: 'That took too long, or began in another browser: try again.',
  denied: 'The provider did not let you in.',
  busy: 'Too many people sign in at one time: try again in some seconds.',
  failed: 'The provider has answered something else than it should: whoever runs this server finds the reason in its log.',
};

/** problem: why the last attempt came to nothing, in a word. */
export function login(onDone, problem) {
  const others = h('div');
  get('/v3-public/authProviders').then(({ data }) => {
    const other = data.find((provider) => provider.redirectUrl);
    if (other) others.append(h('a', { class: 'button', href: other.redirectUrl }, 'Sign in with your organisation'));
  }, () => {});
  const form = h('form', {
    class: 'panel login', 'aria-labelledby': 'login-title',
    onsubmit: submitting(async (fields) => {
      try {
        await send('POST', '/v3-public/localProviders/local?action=login', fields);
      } catch (error) {
        form.password.value = '';
        form.password.focus();
        throw error;
      }
      await onDone();
    }),
  },
  h('img', { src: '/page/mark.svg', alt: '' }),
  h('h1', { id: 'login-title' }, 'Drover'),
  PROBLEMS[problem] ? h('div', { class: 'notice bad', role: 'alert' }, PROBLEMS[problem]) : null,
  h('p', { class: 'quiet' }, 'The first password was printed when the server started for the first time.'),
  h('label', { for: 'username' }, 'User'),
  h('input', { id: 'username', name: 'username', autocomplete: 'username', required: true, value: 'admin' }),
  h('label', { for: 'password' }, 'Password'),
  h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
  h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Sign in'), others));
  return form;
}

export async function signOut() {
  await send('POST', '/v3/tokens?action=logout', {});
}
