// Who is there.

import { h, trouble } from './dom.js';
import { get, send } from './api.js';

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

export function login(onDone) {
  const problem = h('div');
  const submit = h('button', { class: 'primary', type: 'submit' }, 'Sign in');
  const form = h('form', {
    class: 'panel login', 'aria-labelledby': 'login-title',
    onsubmit: async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.replaceChildren();
      const { username, password } = Object.fromEntries(new FormData(form));
      try {
        await send('POST', '/v3-public/localProviders/local?action=login', { username, password });
        await onDone();
      } catch (error) {
        problem.replaceChildren(trouble(error));
        form.password.value = '';
        form.password.focus();
      } finally {
        submit.disabled = false;
      }
    },
  },
  h('img', { src: '/page/mark.svg', alt: '' }),
  h('h1', { id: 'login-title' }, 'Drover'),
  h('p', { class: 'quiet' }, 'The first password was printed when the server started for the first time.'),
  problem,
  h('label', { for: 'username' }, 'User'),
  h('input', { id: 'username', name: 'username', autocomplete: 'username', required: true, value: 'admin' }),
  h('label', { for: 'password' }, 'Password'),
  h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
  h('div', { class: 'actions' }, submit));
  return form;
}

export async function signOut() {
  await send('POST', '/v3/tokens?action=logout', {});
}
