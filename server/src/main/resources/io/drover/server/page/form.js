// Forms.

import { h, say, trouble } from './dom.js';
import { send } from './api.js';

/** A form's onsubmit: gives its fields to send, and says in the form what went wrong. */
export function submitting(send) {
  return async (event) => {
    event.preventDefault();
    const form = event.target;
    const submit = form.querySelector('[type=submit]');
    form.querySelector('.notice')?.remove();
    submit.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(form)), form);
    } catch (error) {
      form.prepend(trouble(error));
    } finally {
      submit.disabled = false;
    }
  };
}

/**
 * A button that takes something away: label says what to those who hear the page, said what has
 * happened; changed is called then, whether it has or not. asked: a question to answer first.
 */
export function remover({ word, label, path, said, changed, asked }) {
  return h('button', { type: 'button', class: 'danger', 'aria-label': label, onclick: async () => {
    if (asked && !confirm(asked)) return;
    try {
      await send('DELETE', path);
      say(said);
    } catch (problem) {
      say(problem.message);
    }
    changed();
  } }, word);
}
