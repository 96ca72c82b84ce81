/**
 * The kubectl shell: {@link io.drover.steve.shell.Shells} makes a pod in which somebody is himself,
 * and leads his browser into it. How it ends, nothing of it stays.
 */
@NullMarked
package io.drover.steve.shell;

import org.jspecify.annotations.NullMarked;
