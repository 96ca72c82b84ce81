// Forms.

import { trouble } from './dom.js';

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
