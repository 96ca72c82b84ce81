/** What is printed for people: pages of lines that fit a terminal and cannot drive it. */
@NullMarked
package io.drover.agent.terminal;

import org.jspecify.annotations.NullMarked;
