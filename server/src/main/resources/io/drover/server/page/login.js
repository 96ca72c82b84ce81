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

export function login(onDone) {
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
  h('p', { class: 'quiet' }, 'The first password was printed when the server started for the first time.'),
  h('label', { for: 'username' }, 'User'),
  h('input', { id: 'username', name: 'username', autocomplete: 'username', required: true, value: 'admin' }),
  h('label', { for: 'password' }, 'Password'),
  h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
  h('div', { class: 'actions' }, h('button', { class: 'primary', type: 'submit' }, 'Sign in')));
  return form;
}

export async function signOut() {
  await send('POST', '/v3/tokens?action=logout', {});
}
