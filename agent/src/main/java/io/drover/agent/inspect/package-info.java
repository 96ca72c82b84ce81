/**
 * What a running agent says of itself, asked from outside by the command {@code status}. Read
 * {@link io.drover.agent.inspect.RunningAgent} first. Changes nothing.
 */
@NullMarked
package io.drover.agent.inspect;

import org.jspecify.annotations.NullMarked;
