/** How long loops wait before they try again, and how they wait. Knows nothing of what is tried. */
@NullMarked
package io.drover.agent.retry;

import org.jspecify.annotations.NullMarked;
