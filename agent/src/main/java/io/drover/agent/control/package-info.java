/**
 * A UNIX socket for the user that the agent runs as, where it tells what is not for everybody who
 * reaches its port, and where its log level is changed. Knows the rest of the agent by what it is
 * handed.
 */
@NullMarked
package io.drover.agent.control;

import org.jspecify.annotations.NullMarked;
