/** What is logged, and how: text or one JSON object a line, on standard output. */
@NullMarked
package io.drover.agent.log;

import org.jspecify.annotations.NullMarked;
