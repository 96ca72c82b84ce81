/**
 * How long loops wait before they try again, how they wait, and how often something may be done.
 * Knows nothing of what is tried.
 */
@NullMarked
package io.drover.agent.retry;

import org.jspecify.annotations.NullMarked;
